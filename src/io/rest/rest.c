/* Which calls go to the role and which are answered here. */
#include "io/rest/rest.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/rest/answer.h"
#include "io/rest/archives.h"
#include "io/rest/metrics.h"
#include "io/rest/openapi.h"
#include "io/rest/request.h"
#include "io/rest/upload.h"
#include "io/rest/browser.h"
#include "io/rest/visits.h"
#include "io/rest/oidc/oidc.h"

static struct rest_call *call_of(struct http_request *request) {
    return container_of(request, struct rest_call, http);
}

static struct rest *rest_of(struct http_face *face) {
    return container_of(face, struct rest, face);
}

void rest_reply(struct rest *rest, struct reply *reply) {
    if (watch_reply(rest->watch, reply))
        return;
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
    call->began_ms = watch_now_ms();
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
    watch_leave(rest->watch, &call->watcher);
    pthread_mutex_lock(&rest->lock);
    rest->slots[call->slot].call = NULL;
    rest_metrics_count(rest, call);
    rest_let_go(rest, call);
    rest_upload_close(call);
    visits_leave(call);
    oidc_leave(rest->oidc, call);
    pthread_mutex_unlock(&rest->lock);
    reply_clear(&call->reply);
    text_deinit(&call->body);
    memory_free(call);
}

static enum http_next refuse_route(struct rest_call *call, const char *allow) {
    struct problem problem;
    const struct http_request *http = &call->http;
    if (text_equal(http->path, "/")) {
        problem_set(&problem, CODE_NOT_FOUND, NULL, "This manager has no page");
        problem_set_status(&problem, problem.status, "use the command isthmus; the operator's "
                           "guide tells how the page is built and where it is looked for, and how "
                           "a cluster's manager has one");
        return rest_refuse(call, &problem);
    }
    if (!allow[0]) {
        problem_set(&problem, CODE_NOT_FOUND, NULL, "There is no route %.200s", http->path);
        problem_set_status(&problem, problem.status, "see /v1/openapi.json for all routes");
        return rest_refuse(call, &problem);
    }
    problem_set(&problem, CODE_INVALID, NULL, "%.200s does not take %.20s", http->path,
                http->method);
    problem_set_status(&problem, 405, "use a method that the Allow header names");
    rest_refuse(call, &problem);
    answer_header(&call->http.answer, "Allow", "%s", allow);
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
        answer_begin(&call->http.answer, 200, "application/json");
        rest_openapi(rest->routes, rest->software, &call->http.answer.body);
        return HTTP_DONE;
    }
    struct health health = {0};
    if (rest->health.read)
        rest->health.read(rest->health.daemon, &health);
    text_set(health.software, rest->software);
    rest_answer_record(call, 200, &health_table, &health);
    record_clear(&health_table, &health);
    return HTTP_DONE;
}

static enum http_next refuse_stranger(const struct rest *rest, struct rest_call *call) {
    struct problem problem;
    bool is_owners = rest->routes->trust == REST_BY_SOCKET;
    problem_set(&problem, CODE_UNAUTHENTICATED, is_owners ? "ticket" : NULL,
                is_owners ? "Nobody is logged in" : "The request has no bearer token");
    if (is_owners)
        problem_set_status(&problem, problem.status, "on the manager's machine, as who may open "
                           "its owner.sock, run isthmus web, and open the link");
    return rest_refuse(call, &problem);
}

static void take_token(struct rest *rest, struct rest_call *call) {
    pthread_mutex_lock(&rest->lock);
    rest_hold(rest, call, call->is_owners ? "" : call->token_hash);
    pthread_mutex_unlock(&rest->lock);
}

/* Which archive it is, and whether the caller may have it, the role says. */
static enum http_next ask_image(struct rest *rest, struct rest_call *call) {
    struct problem problem;
    struct request request = {.kind = REQUEST_IMAGE_SHOW};
    text_set(request.token_hash, call->token_hash);
    if (!text_copy(request.key, sizeof(request.key), call->key)) {
        problem_set(&problem, CODE_NOT_FOUND, NULL, "No image has so long a name");
        return rest_refuse(call, &problem);
    }
    rest_ask(rest, call, &request);
    return HTTP_HOLD;
}

static enum http_next send_image(struct rest *rest, struct rest_call *call) {
    char digest[limit_digest_size];
    if (call->reply.kind == REPLY_PROBLEM) {
        rest_answer_reply(rest, call);
        return HTTP_DONE;
    }
    text_set(digest, ((const struct image *)call->reply.record.data)->digest);
    reply_clear(&call->reply);
    http_answer_archive(&call->http, rest->image_folder, digest);
    return HTTP_DONE;
}

static enum http_next send_signature(struct rest *rest, struct rest_call *call) {
    char name[limit_digest_size + sizeof(".minisig")];
    text_format(name, sizeof(name), "%s.minisig", call->key);
    http_answer_blob(&call->http, rest->image_folder, &rest->clusters, name);
    return HTTP_DONE;
}

static enum http_next on_head(struct http_face *face, struct http_request *request) {
    struct rest *rest = rest_of(face);
    struct rest_call *call = call_of(request);
    char allow[64];
    struct problem problem;
    if ((rest->page && web_page_answer(rest->page, request)) ||
        authorities_answer(rest->authorities, request))
        return HTTP_DONE;
    enum http_next next;
    if (oidc_take(rest->oidc, call, &next))
        return next;
    call->route = rest_route_find(rest->routes, request->method, request->path, call->key,
                                  allow);
    if (!call->route)
        return refuse_route(call, allow);
    if (!browser_identify(rest, call, &problem))
        return rest_refuse(call, &problem);
    take_token(rest, call);
    if (!call->is_owners && !call->client && !rest_route_is_open(rest->routes, call->route))
        return refuse_stranger(rest, call);
    if (!rest_has_room(rest, call, &problem))
        return rest_refuse(call, &problem);
    switch (call->route->action) {
    case REST_ROLE:
    case REST_METRICS:
    case REST_EVENTS:
    case REST_TICKET:
    case REST_LOGIN:
    case REST_JOIN:
        return check_head(call);
    case REST_TYPE:
        call->body.limit = visit_piece;
        return HTTP_READ;
    case REST_LOGOUT:
        return browser_leave(rest, call);
    case REST_UPLOAD:
        return rest_upload_begin(rest, call);
    case REST_EXPORT:
        return ask_image(rest, call);
    case REST_UPLOADED:
        return rest_upload_ask(rest, call);
    case REST_BLOB:
        http_answer_blob(request, rest->image_folder, &rest->clusters, call->key);
        return HTTP_DONE;
    case REST_SIGNATURE:
        return send_signature(rest, call);
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
    problem_set(&problem, CODE_TOO_LARGE, NULL, "A body may have %zu bytes", call->body.limit);
    return rest_refuse(call, &problem);
}

static bool is_login(const struct rest_call *call) {
    return call->route->action == REST_LOGIN || call->route->action == REST_TICKET;
}

static enum http_next on_complete(struct http_face *face, struct http_request *request) {
    struct rest *rest = rest_of(face);
    struct rest_call *call = call_of(request);
    struct request asked;
    struct problem problem;
    if (call->upload)
        return rest_upload_complete(call);
    if (call->route->action == REST_TYPE)
        return visits_type(rest->visits, call);
    bool is_right = rest_request_make(call, &asked, &problem) &&
                    (!asked.wait_ms || rest_may_wait(rest, call, &problem));
    call->query = asked.list;
    call->is_watch = asked.list.watch || call->route->action == REST_EVENTS;
    if (call->is_watch) { /* the role says whether it may; of what is there, one row will do */
        asked.list = (struct list_query){.limit = 1};
        is_right = is_right && rest_may_watch(rest, call, &problem);
    }
    if (call->route->action == REST_JOIN) {
        is_right = is_right && rest_may_watch(rest, call, &problem);
        return is_right ? visits_join(rest->visits, call, asked.stream_join.ticket)
                        : rest_refuse(call, &problem);
    }
    is_right = is_right && oidc_prepare(rest->oidc, call, &asked, &problem);
    if (is_right && is_login(call))
        is_right = browser_prepare(rest, call, &asked, &problem);
    if (is_right)
        rest_ask(rest, call, &asked);
    request_clear(&asked);
    return is_right ? HTTP_HOLD : rest_refuse(call, &problem);
}

/* A browser that comes again says by a header what it heard last. */
static void begin_stream(struct rest *rest, struct rest_call *call) {
    struct http_request *http = &call->http;
    const char *last = http_header(http, "Last-Event-ID");
    bool is_mixed = call->route->action == REST_EVENTS;
    struct list_query query = call->query;
    char after[limit_cursor_size];
    if (!last || !text_copy(after, sizeof(after), last))
        text_set(after, query.after);
    query.after[0] = 0;
    query.limit = 0;
    const char *asker = rest->routes->trust == REST_BY_TOKEN ? call->token_hash : "";
    answer_stream(&http->answer, "text/event-stream");
    answer_header(&http->answer, "Cache-Control", "no-store");
    answer_header(&http->answer, "X-Accel-Buffering", "no"); /* for proxies */
    watch_join(rest->watch, &call->watcher,
               &(struct watch_wish){.http = http, .token_hash = asker,
                                    .rows = is_mixed ? NULL : call->route->answer,
                                    .list = call->route->kind, .query = &query, .after = after,
                                    .number = call->reply.revision});
    reply_clear(&call->reply);
}

static enum http_next on_resumed(struct http_face *face, struct http_request *request) {
    struct rest_call *call = call_of(request);
    if (call->oidc)
        return oidc_answer(rest_of(face)->oidc, call);
    if (call->upload)
        return rest_upload_resumed(call);
    if (call->route->action == REST_EXPORT)
        return send_image(rest_of(face), call);
    if (call->route->action == REST_UPLOADED)
        return rest_upload_show(rest_of(face), call);
    if (call->route->action == REST_JOIN)
        return visits_joined(rest_of(face)->visits, call);
    if (call->route->action == REST_TYPE)
        return visits_typed(rest_of(face)->visits, call);
    bool is_refused = call->reply.kind == REPLY_PROBLEM;
    if (is_refused)
        browser_refused(rest_of(face), call);
    if (is_login(call) && !is_refused)
        browser_answer(rest_of(face), call);
    else if (call->route->action == REST_METRICS && !is_refused)
        rest_metrics_answer(rest_of(face), call);
    else if (call->is_watch && !is_refused)
        begin_stream(rest_of(face), call);
    else
        rest_answer_reply(rest_of(face), call);
    return HTTP_DONE;
}

static long on_stream(struct http_face *face, struct http_request *request, char *bytes,
                      size_t room) {
    struct rest *rest = rest_of(face);
    struct rest_call *call = call_of(request);
    return call->visit ? visits_read(rest->visits, call, bytes, room)
                       : watch_read(rest->watch, &call->watcher, bytes, room);
}

void rest_loaded(struct rest *rest, const struct record *record) {
    if (record->table != &access_token_table)
        return;
    pthread_mutex_lock(&rest->lock);
    rest_owners_learn(&rest->owners, record->data);
    pthread_mutex_unlock(&rest->lock);
}

/* Whatever is open with the token ends. */
static void on_token_gone(struct rest *rest, const char *id) {
    char hash[limit_digest_size];
    pthread_mutex_lock(&rest->lock);
    bool is_known = rest_owners_forget(&rest->owners, id, hash);
    if (is_known)
        rest_end_token(rest, hash);
    pthread_mutex_unlock(&rest->lock);
    if (is_known)
        watch_end_token(rest->watch, hash);
}

void rest_stored(struct rest *rest, const struct effect *effect, uint64_t number) {
    watch_stored(rest->watch, effect, number);
    if (effect->kind == EFFECT_SAVE)
        rest_loaded(rest, &effect->record);
    else if (effect->record.table == &access_token_table)
        on_token_gone(rest, ((const struct access_token *)effect->record.data)->id);
}

void rest_committed(struct rest *rest, uint64_t number) { watch_committed(rest->watch, number); }

void rest_archive(struct rest *rest, const struct effect_archive *effect) {
    rest_archives_hear(rest, effect);
}

void rest_rekey(struct rest *rest, const char *key) {
    pthread_mutex_lock(&rest->lock);
    text_set(rest->manager_key, key);
    pthread_mutex_unlock(&rest->lock);
}

int rest_renew(struct rest *rest, struct error *err) {
    int renewed = http_server_renew(rest->server, err);
    int also = renewed < 0 || !rest->browsers ? 0 : http_server_renew(rest->browsers, err);
    return also ? also : renewed;
}

void rest_invite(struct rest *rest, const struct rest_invitation *invitations, size_t count) {
    pthread_mutex_lock(&rest->lock);
    rest->invitations = invitations;
    rest->invitations_count = count;
    pthread_mutex_unlock(&rest->lock);
}

static void rest_free(struct rest *rest) {
    rest_archives_stop(rest);
    visits_free(rest->visits);
    oidc_free(rest->oidc);
    if (rest->watch) {
        watch_end(rest->watch);
        watch_free(rest->watch);
    }
    pthread_mutex_destroy(&rest->lock);
    pthread_cond_destroy(&rest->uploads_changed);
    token_hashes_deinit(&rest->clusters);
    logins_deinit(&rest->tickets);
    logins_deinit(&rest->logins);
    web_page_free(rest->page);
    map_deinit(&rest->clients);
    rest_owners_deinit(&rest->owners);
    memory_free(rest->image_folder);
    memory_free(rest->image_converter);
    memory_free(rest->software);
    memory_free(rest->manager_address);
    memory_free(rest);
}

static int open_page(struct rest *rest, const struct rest_settings *settings, struct error *err) {
    const char *certificate = settings->browsers.listen ? settings->browsers.tls_certificate_file
                                                        : settings->tls_certificate_file;
    if (!settings->web_folder)
        return 0;
    rest->page = web_page_open(settings->web_folder,
                               certificate ? WEB_PAGE_SEALED : WEB_PAGE_PLAIN, err);
    return rest->page ? 0 : err->code;
}

/* What the owner's tickets stand for is no token that anybody could have. */
static int listen_for_browsers(struct rest *rest, const struct rest_settings *settings,
                               struct error *err) {
    char secret[secret_token_size];
    struct http_server_settings listening = settings->browsers;
    listening.connections = rest_browser_connections;
    secret_token(secret);
    secret_hash_bytes(secret, strlen(secret), rest->owner_hash);
    secret_erase(secret, sizeof(secret));
    if (settings->page_url && !text_copy(rest->page_url, sizeof(rest->page_url),
                                         settings->page_url))
        return error_set(err, -EINVAL, "serve a page at %s: write a URL that is shorter than %zu "
                         "bytes", settings->page_url, sizeof(rest->page_url));
    if (http_server_start(&listening, &rest->face, &rest->browsers, err) < 0)
        return err->code;
    const char *scheme = listening.tls_certificate_file ? "https" : "http";
    int host = (int)(strrchr(listening.listen, ':') - listening.listen);
    if (!settings->page_url)
        text_format(rest->page_url, sizeof(rest->page_url), "%s://%.*s:%u", scheme, host,
                    listening.listen, http_server_port(rest->browsers));
    return 0;
}

/* Browsers' first: whether a call is one of theirs is known by that from the first one on. */
static int listen_for_all(struct rest *rest, const struct rest_settings *settings,
                          struct error *err) {
    const struct http_server_settings listening = {
        .listen = settings->listen,
        .tls_certificate_file = settings->tls_certificate_file,
        .tls_key_file = settings->tls_key_file,
        .plain_allowed = settings->plain_allowed,
        .connections_of_address = settings->connections_of_address,
    };
    if (settings->browsers.listen && listen_for_browsers(rest, settings, err) < 0)
        return err->code;
    if (http_server_start(&listening, &rest->face, &rest->server, err) == 0)
        return 0;
    if (rest->browsers)
        http_server_stop(rest->browsers);
    return err->code;
}

struct rest *rest_start(const struct rest_settings *settings, struct shell *shell,
                        struct error *err) {
    struct rest *rest = memory_new(1, sizeof(*rest));
    map_init(&rest->clients, 0);
    rest_owners_init(&rest->owners);
    list_init(&rest->uploads);
    rest->face = (struct http_face){on_new, on_head, on_piece, on_complete, on_resumed, on_closed,
                                    on_stream};
    rest->shell = shell;
    rest->routes = settings->face;
    assert(rest->routes->routes_count <= rest_routes_most);
    rest->image_folder = settings->image_folder ? memory_text(settings->image_folder) : NULL;
    rest->image_key = settings->image_key;
    rest->image_converter = memory_text(settings->image_converter);
    rest->requests_of_asker = settings->requests_of_asker ? settings->requests_of_asker
                                                          : limit_requests_of_asker;
    rest->max_image_bytes = settings->max_image_bytes;
    rest->image_reserve_bytes = settings->image_reserve_bytes;
    rest->software = memory_text(settings->software);
    rest->health = settings->health;
    rest->streams = settings->streams;
    rest->manager_address = memory_text(settings->manager_address);
    text_set(rest->manager_key, settings->manager_key);
    rest->authorities = settings->authorities;
    rest->invitations = settings->invitations;
    rest->invitations_count = settings->invitations_count;
    token_hashes_init(&rest->clusters, settings->cluster_token_hashes,
                      settings->cluster_token_hashes_count);
    logins_init(&rest->tickets, &ticket_rule);
    logins_init(&rest->logins, &login_rule);
    pthread_mutex_init(&rest->lock, NULL);
    pthread_cond_init(&rest->uploads_changed, NULL);
    if (rest->image_folder)
        rest_upload_sweep(rest->image_folder);
    if (open_page(rest, settings, err) < 0) {
        rest_free(rest);
        return NULL;
    }
    rest->watch = watch_start(shell, settings->face->trust == REST_BY_TOKEN ? WATCH_BY_TOKEN
                                                                           : WATCH_BY_SOCKET, err);
    rest->visits = rest->streams.visit ? visits_start(rest, err) : NULL;
    rest->oidc = settings->provider
                     ? oidc_start(rest, settings->provider, settings->provider_name, err)
                     : NULL;
    bool is_ready = rest->watch && (rest->oidc || !settings->provider) &&
                    (rest->visits || !rest->streams.visit) &&
                    (!rest->image_folder || rest_archives_start(rest, err) == 0);
    if (is_ready && listen_for_all(rest, settings, err) == 0)
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
    for (size_t i = 0; i < http_requests; i++) {
        struct rest_call *call = rest->slots[i].call;
        if (!call || !call->asked)
            continue;
        call->asked = false;
        call->reply = (struct reply){.kind = REPLY_PROBLEM, .code = CODE_SHUTTING_DOWN};
        http_resume(&call->http);
    }
    pthread_mutex_unlock(&rest->lock);
    watch_end(rest->watch);
    visits_end(rest->visits);
    oidc_end(rest->oidc);
    if (rest->browsers)
        http_server_stop(rest->browsers);
    http_server_stop(rest->server);
    pthread_mutex_lock(&rest->lock);
    while (rest->uploads_count) /* archives being checked: their threads use all this */
        pthread_cond_wait(&rest->uploads_changed, &rest->lock);
    pthread_mutex_unlock(&rest->lock);
    rest_free(rest);
}
