/* Answers GET and HEAD of an archive by its digest, and nothing else. */
#include "io/image/serve.h"

#include <stddef.h>

#include "base/memory.h"
#include "io/http/blob.h"
#include "io/http/server.h"

struct image_serve {
    struct http_face face;
    struct http_server *server;
    char *folder;
    struct token_hashes readers;
};

static struct http_request *on_new(struct http_face *face) {
    (void)face;
    return memory_new(1, sizeof(struct http_request));
}

static enum http_next on_head(struct http_face *face, struct http_request *request) {
    struct image_serve *serve = container_of(face, struct image_serve, face);
    static const char prefix[] = "/v1/blobs/";
    struct problem problem;
    if (!text_starts(request->path, prefix)) {
        problem_set(&problem, CODE_NOT_FOUND, NULL, "This repository has %s<digest> alone",
                    prefix);
        http_answer_problem(request, &problem);
    } else if (!text_equal(request->method, "GET") && !text_equal(request->method, "HEAD")) {
        problem_set(&problem, CODE_INVALID, NULL, "This repository can only be read");
        problem_set_status(&problem, 405, "use GET");
        http_answer_problem(request, &problem);
        http_answer_header(request, "Allow", "GET, HEAD");
    } else {
        http_answer_blob(request, serve->folder, &serve->readers,
                         request->path + sizeof(prefix) - 1);
    }
    return HTTP_DONE;
}

static enum http_next on_piece(struct http_face *face, struct http_request *request,
                               const char *bytes, size_t length) {
    (void)face, (void)request, (void)bytes, (void)length;
    return HTTP_DONE;
}

static enum http_next on_complete(struct http_face *face, struct http_request *request) {
    (void)face, (void)request;
    return HTTP_DONE;
}

static void on_closed(struct http_face *face, struct http_request *request) {
    (void)face;
    memory_free(request);
}

struct image_serve *image_serve_start(const struct image_serve_settings *settings,
                                      struct error *err) {
    struct image_serve *serve = memory_new(1, sizeof(*serve));
    serve->face = (struct http_face){.on_new = on_new, .on_head = on_head, .on_piece = on_piece,
                                     .on_complete = on_complete, .on_resumed = on_complete,
                                     .on_closed = on_closed};
    serve->folder = memory_text(settings->folder);
    token_hashes_init(&serve->readers, settings->token_hashes, settings->token_hashes_count);
    struct http_server_settings listening = {
        .listen = settings->listen,
        .tls_certificate_file = settings->tls_certificate_file,
        .tls_key_file = settings->tls_key_file,
        .plain_allowed = settings->plain_allowed,
    };
    serve->server = http_server_start(&listening, &serve->face, err);
    if (serve->server)
        return serve;
    image_serve_stop(serve);
    return NULL;
}

uint16_t image_serve_port(const struct image_serve *serve) {
    return http_server_port(serve->server);
}

void image_serve_stop(struct image_serve *serve) {
    if (!serve)
        return;
    if (serve->server)
        http_server_stop(serve->server);
    token_hashes_deinit(&serve->readers);
    memory_free(serve->folder);
    memory_free(serve);
}
