/* Answers GET and HEAD of an archive by its digest, and what is of copies by their own face. */
#include "io/image/serve.h"

#include <stddef.h>

#include "base/memory.h"
#include "io/blocks/serve.h"
#include "io/http/authorities.h"
#include "io/http/blob.h"
#include "io/http/server.h"

struct image_serve {
    struct http_face face;
    struct http_server *server;
    char *folder;
    struct token_hashes readers;
    struct authorities *authorities;
    struct blocks *blocks;
};

struct serve_request {
    struct http_request base; /* first */
    struct text body;         /* of a copy */
};

static struct http_request *on_new(struct http_face *face) {
    (void)face;
    return &((struct serve_request *)memory_new(1, sizeof(struct serve_request)))->base;
}

static enum http_next on_head(struct http_face *face, struct http_request *request) {
    struct image_serve *serve = container_of(face, struct image_serve, face);
    static const char prefix[] = "/v1/blobs/";
    struct problem problem;
    if (serve->blocks && blocks_serve_has(request))
        return blocks_serve_head(serve->blocks, request);
    if (authorities_answer(serve->authorities, request))
        return HTTP_DONE;
    if (!text_starts(request->path, prefix)) {
        problem_set(&problem, CODE_NOT_FOUND, NULL, "This repository has %s<digest> alone",
                    prefix);
        answer_problem(&request->answer, &problem);
    } else if (!text_equal(request->method, "GET") && !text_equal(request->method, "HEAD")) {
        problem_set(&problem, CODE_INVALID, NULL, "This repository can only be read");
        problem_set_status(&problem, 405, "use GET");
        answer_problem(&request->answer, &problem);
        answer_header(&request->answer, "Allow", "GET, HEAD");
    } else {
        http_answer_blob(request, serve->folder, &serve->readers,
                         request->path + sizeof(prefix) - 1);
    }
    return HTTP_DONE;
}

/* Bodies are of copies alone: for everything else the head was answered. */
static enum http_next on_piece(struct http_face *face, struct http_request *request,
                               const char *bytes, size_t length) {
    (void)face;
    struct serve_request *own = container_of(request, struct serve_request, base);
    return blocks_serve_piece(request, &own->body, bytes, length);
}

static enum http_next on_complete(struct http_face *face, struct http_request *request) {
    struct image_serve *serve = container_of(face, struct image_serve, face);
    const struct serve_request *own = container_of(request, struct serve_request, base);
    return blocks_serve_complete(serve->blocks, request, &own->body);
}

static void on_closed(struct http_face *face, struct http_request *request) {
    (void)face;
    struct serve_request *own = container_of(request, struct serve_request, base);
    text_deinit(&own->body);
    memory_free(own);
}

struct image_serve *image_serve_start(const struct image_serve_settings *settings,
                                      struct error *err) {
    struct image_serve *serve = memory_new(1, sizeof(*serve));
    serve->face = (struct http_face){.on_new = on_new, .on_head = on_head, .on_piece = on_piece,
                                     .on_complete = on_complete, .on_resumed = on_complete,
                                     .on_closed = on_closed};
    serve->folder = memory_text(settings->folder);
    serve->blocks = settings->blocks;
    serve->authorities = settings->authorities;
    token_hashes_init(&serve->readers, settings->token_hashes, settings->token_hashes_count);
    struct http_server_settings listening = {
        .listen = settings->listen,
        .tls_certificate_file = settings->tls_certificate_file,
        .tls_key_file = settings->tls_key_file,
        .plain_allowed = settings->plain_allowed,
        .connections_of_address = settings->connections_of_address,
    };
    if (http_server_start(&listening, &serve->face, &serve->server, err) == 0)
        return serve;
    image_serve_stop(serve);
    return NULL;
}

uint16_t image_serve_port(const struct image_serve *serve) {
    return http_server_port(serve->server);
}

int image_serve_renew(struct image_serve *serve, struct error *err) {
    return http_server_renew(serve->server, err);
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
