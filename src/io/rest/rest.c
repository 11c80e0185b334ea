/* Which calls go to the role and which are answered here. */
#include "io/rest/rest.h"

#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/rest/answer.h"
#include "io/rest/openapi.h"
#include "io/rest/request.h"
#include "io/rest/upload.h"

static struct rest_call *call_of(struct http_request *request) {
    return container_of(request, struct rest_call, http);
}

static struct rest *rest_of(struct http_face *face) {
    return container_of(face, struct rest, face);
}

void rest_reply(struct rest *rest, struct reply *reply) {
    pthread_mutex_lock(&rest->lock);
    struct rest_call *call = rest_call_asked(rest, reply->handle);
    if (call) {
        call->asked = false;
        call->reply = *reply;
        *reply = (struct reply){0};
        http_resume(&call->http);
    }
    pthread_mutex_unlock(&rest->lock);
    reply_clear(reply);
}

static struct http_request *on_new(struct http_face *face) {
    struct rest *rest = rest_of(face);
    struct rest_call *call = memory_new(1, sizeof(*call));
    call->body.limit = limit_body;
    pthread_mutex_lock(&rest->lock);
    while (rest->slots[call->slot].call) /* a request per connection at most: one is free */
        call->slot++;
    rest->slots[call->slot].call = call;
    pthread_mutex_unlock(&rest->lock);
    return &call->http;
}

static void on_closed(struct http_face *face, struct http_request *request) {
    struct rest *rest = rest_of(face);
    struct rest_call *call = call_of(request);
    pthread_mutex_lock(&rest->lock);
    rest->slots[call->slot].call = NULL;
    rest->waiting -= call->waits ? 1 : 0;
    rest_upload_close(call);
    pthread_mutex_unlock(&rest->lock);
    reply_clear(&call->reply);
    text_deinit(&call->body);
    memory_free(call);
}

static enum http_next refuse_route(struct rest_call *call, const char *allow) {
    struct problem problem;
    const struct http_request *http = &call->http;
    if (!allow[0]) {
        problem_set(&problem, CODE_NOT_FOUND, NULL, "There is no route %.200s", http->path);
        problem_set_status(&problem, problem.status, "see /v1/openapi.json for all routes");
        return rest_refuse(call, &problem);
    }
    problem_set(&problem, CODE_INVALID, NULL, "%.200s does not take %.20s", http->path,
                http->method);
    problem_set_status(&problem, 405, "use a method that the Allow header names");
    rest_refuse(call, &problem);
    http_answer_header(&call->http, "Allow", "%s", allow);
    return HTTP_DONE;
}

static bool is_json(const char *content_type) {
    static const char json[] = "application/json";
    const char *rest = content_type + sizeof(json) - 1;
    return strncasecmp(content_type, json, sizeof(json) - 1) == 0 &&
           (*rest == 0 || *rest == ';' || *rest == ' ');
}

/* What the head alone tells about a call to the role. */
static enum http_next check_head(struct rest_call *call) {
    struct problem problem;
    const char *type = http_header(&call->http, "Content-Type");
    if (!call->route->body || !type || is_json(type))
        return HTTP_READ;
    problem_set(&problem, CODE_INVALID, NULL, "The body's type is %.60s", type);
    problem_set_status(&problem, 415, "send JSON with the header Content-Type: application/json");
    return rest_refuse(call, &problem);
}

static enum http_next answer_here(struct rest *rest, struct rest_call *call) {
    if (call->route->action == REST_DOCUMENT) {
        http_answer(&call->http, 200, "application/json");
        rest_openapi(rest->routes, rest->software, &call->http.answer.body);
        return HTTP_DONE;
    }
    struct rest_health health = {.status = "ok"};
    text_set(health.software, rest->software);
    rest_answer_record(call, 200, &rest_health_table, &health);
    return HTTP_DONE;
}

static enum http_next on_head(struct http_face *face, struct http_request *request) {
    struct rest *rest = rest_of(face);
    struct rest_call *call = call_of(request);
    char allow[64], token_hash[limit_digest_size];
    struct problem problem;
    call->route = rest_route_find(rest->routes, request->method, request->path, call->key,
                                  allow);
    if (!call->route)
        return refuse_route(call, allow);
    http_token_hash(request, token_hash);
    if (!rest_route_is_open(rest->routes, call->route) && !token_hash[0]) {
        problem_set(&problem, CODE_UNAUTHENTICATED, NULL, "The request has no bearer token");
        return rest_refuse(call, &problem);
    }
    switch (call->route->action) {
    case REST_ROLE:
        return check_head(call);
    case REST_UPLOAD:
        return rest_upload_begin(rest, call);
    case REST_BLOB:
        http_answer_blob(request, rest->image_folder, &rest->clusters, call->key);
        return HTTP_DONE;
    case REST_DOCUMENT:
    case REST_HEALTH:
        return answer_here(rest, call);
    }
    return HTTP_DONE;
}

static enum http_next on_piece(struct http_face *face, struct http_request *request,
                               const char *bytes, size_t length) {
    (void)face;
    struct rest_call *call = call_of(request);
    if (call->upload)
        return rest_upload_piece(call, bytes, length);
    text_add_bytes(&call->body, bytes, length);
    if (!call->body.full)
        return HTTP_READ;
    struct problem problem;
    problem_set(&problem, CODE_TOO_LARGE, NULL, "A body may have %d bytes", limit_body);
    return rest_refuse(call, &problem);
}

static enum http_next on_complete(struct http_face *face, struct http_request *request) {
    struct rest *rest = rest_of(face);
    struct rest_call *call = call_of(request);
    struct request asked;
    struct problem problem;
    if (call->upload)
        return rest_upload_complete(call);
    bool is_right = rest_request_make(call, &asked, &problem);
    if (is_right)
        rest_ask(rest, call, &asked);
    request_clear(&asked);
    return is_right ? HTTP_HOLD : rest_refuse(call, &problem);
}

static enum http_next on_resumed(struct http_face *face, struct http_request *request) {
    struct rest_call *call = call_of(request);
    if (call->upload)
        return rest_upload_resumed(call);
    rest_answer_reply(rest_of(face), call);
    return HTTP_DONE;
}

void rest_rekey(struct rest *rest, const char *key) {
    pthread_mutex_lock(&rest->lock);
    text_set(rest->manager_key, key);
    pthread_mutex_unlock(&rest->lock);
}

static void rest_free(struct rest *rest) {
    pthread_mutex_destroy(&rest->lock);
    pthread_cond_destroy(&rest->uploads_changed);
    token_hashes_deinit(&rest->clusters);
    memory_free(rest->image_folder);
    memory_free(rest->software);
    memory_free(rest->manager_address);
    memory_free(rest);
}

struct rest *rest_start(const struct rest_settings *settings, struct shell *shell,
                        struct error *err) {
    struct rest *rest = memory_new(1, sizeof(*rest));
    rest->face = (struct http_face){on_new, on_head, on_piece, on_complete, on_resumed, on_closed};
    rest->shell = shell;
    rest->routes = settings->face;
    rest->image_folder = settings->image_folder ? memory_text(settings->image_folder) : NULL;
    rest->software = memory_text(settings->software);
    rest->manager_address = memory_text(settings->manager_address);
    text_set(rest->manager_key, settings->manager_key);
    rest->invitations = settings->invitations;
    rest->invitations_count = settings->invitations_count;
    token_hashes_init(&rest->clusters, settings->cluster_token_hashes,
                      settings->cluster_token_hashes_count);
    pthread_mutex_init(&rest->lock, NULL);
    pthread_cond_init(&rest->uploads_changed, NULL);
    if (rest->image_folder)
        rest_upload_sweep(rest->image_folder);
    struct http_server_settings listening = {
        .listen = settings->listen,
        .tls_certificate_file = settings->tls_certificate_file,
        .tls_key_file = settings->tls_key_file,
        .plain_allowed = settings->plain_allowed,
    };
    rest->server = http_server_start(&listening, &rest->face, err);
    if (rest->server)
        return rest;
    rest_free(rest);
    return NULL;
}

uint16_t rest_port(const struct rest *rest) { return http_server_port(rest->server); }

void rest_stop(struct rest *rest) {
    if (!rest)
        return;
    pthread_mutex_lock(&rest->lock);
    rest->stopping = true;
    for (size_t i = 0; i < http_connections; i++) {
        struct rest_call *call = rest->slots[i].call;
        if (!call || !call->asked)
            continue;
        call->asked = false;
        call->reply = (struct reply){.kind = REPLY_PROBLEM, .code = CODE_SHUTTING_DOWN};
        http_resume(&call->http);
    }
    pthread_mutex_unlock(&rest->lock);
    http_server_stop(rest->server);
    pthread_mutex_lock(&rest->lock);
    while (rest->uploads_count) /* archives being checked: their threads use all this */
        pthread_cond_wait(&rest->uploads_changed, &rest->lock);
    pthread_mutex_unlock(&rest->lock);
    rest_free(rest);
}
