/* Which request is which, who may ask it, and when the answer comes. The server's lock guards
 * all. */
#include "io/relay/http.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/http/blob.h"
#include "io/keys/secret.h"
#include "message/news.h"

enum { wait_default_ms = 20000, wait_most_ms = 60000 };

static const char news_type[] = "application/vnd.isthmus.news";

enum ask { ASK_ACCOUNT, ASK_OPEN, ASK_CLOSE, ASK_NEWS, ASK_SEND, ASK_COUNT };

static const struct {
    const char *method, *path;
} asks[ASK_COUNT] = {
    [ASK_ACCOUNT] = {"GET", "/v1/account"}, [ASK_OPEN] = {"POST", "/v1/open"},
    [ASK_CLOSE] = {"POST", "/v1/close"},    [ASK_NEWS] = {"GET", "/v1/frames"},
    [ASK_SEND] = {"POST", "/v1/frames"},
};

/* A request. */
struct call {
    struct http_request request;
    enum ask ask;
    struct relay_account *account;
    uint64_t connection;
    uint64_t due_ms;            /* ASK_NEWS: when it is answered without any */
    struct news_reader reader;  /* ASK_SEND */
    struct text away;           /* whom it did not reach */
    char last[limit_address_size]; /* of these */
};

/* What the face knows of an account. */
struct standing {
    char token_hash[limit_digest_size];
    struct call *listener; /* its newest GET */
};

struct relay_http {
    struct relay_face face;
    struct http_face http;
    struct http_server *listening;
    struct relay_server *server;
    struct standing *standings; /* by account */
};

static struct relay_http *face_of(struct http_face *http) {
    return container_of(http, struct relay_http, http);
}

static struct call *call_of(struct http_request *request) {
    return container_of(request, struct call, request);
}

static void tell(struct relay_face *base, struct relay_account *account) {
    struct relay_http *face = container_of(base, struct relay_http, face);
    struct call *listener = face->standings[account->number].listener;
    if (listener)
        http_resume(&listener->request);
}

/* ---- answers ---- */

static void set_answer(struct call *call, unsigned status, const char *words) {
    answer_begin(&call->request.answer, status, words ? "text/plain; charset=utf-8" : NULL);
    if (words)
        text_add(&call->request.answer.body, words);
    answer_header(&call->request.answer, "Cache-Control", "no-store, no-transform");
    if (status == 401)
        answer_header(&call->request.answer, "WWW-Authenticate", "Bearer");
}

static enum http_next answer(struct call *call, unsigned status, const char *words) {
    set_answer(call, status, words);
    return HTTP_DONE;
}

/* Takes what is in `news`. */
static enum http_next answer_news(struct call *call, struct text *news) {
    if (!news->length)
        return answer(call, 204, NULL);
    set_answer(call, 200, NULL);
    call->request.answer.content_type = news_type;
    call->request.answer.body = *news;
    *news = (struct text){0};
    return HTTP_DONE;
}

/* True, with the answer: the connection is not, or no longer, the account's. */
static bool is_over(struct call *call) {
    switch (relay_standing(call->account, call->connection)) {
    case RELAY_THERE:
        return false;
    case RELAY_REPLACED:
        set_answer(call, 409, "another one has connected with this account");
        return true;
    case RELAY_GONE:
        set_answer(call, 410, "there is no such connection here; open one");
        return true;
    }
    return true;
}

/* ---- listening ---- */

static void await(struct relay_http *face, struct call *call) {
    http_hold(&call->request);
    relay_server_wake_by(face->server, call->due_ms);
}

/* The listener that it takes the place of is answered without any news. */
static void replace_listener(struct relay_http *face, struct call *call) {
    struct standing *standing = &face->standings[call->account->number];
    struct call *older = standing->listener;
    standing->listener = call;
    if (older)
        http_resume(&older->request);
}

static enum http_next answer_listener(struct relay_http *face, struct call *call) {
    auto_clean(text_deinit) struct text news = {0};
    if (is_over(call))
        return HTTP_DONE;
    if (face->standings[call->account->number].listener == call)
        relay_take(call->account, &news);
    if (!news.length)
        log_line(face->server->log, LOG_DEBUG, "relay-quiet", "account=%s", call->account->address);
    return answer_news(call, &news);
}

static enum http_next begin_listening(struct relay_http *face, struct call *call) {
    if (is_over(call))
        return HTTP_DONE;
    relay_listen(&face->server->relay, call->account, relay_server_now_ms());
    if (is_over(call))
        return HTTP_DONE;
    replace_listener(face, call);
    if (relay_has_news(call->account))
        return answer_listener(face, call);
    await(face, call);
    return HTTP_HOLD;
}

static void end_listening(struct relay_http *face, struct call *call) {
    struct standing *standing = &face->standings[call->account->number];
    if (standing->listener != call)
        return;
    standing->listener = NULL;
    if (relay_standing(call->account, call->connection) == RELAY_THERE)
        relay_leave(call->account, relay_server_now_ms());
}

/* ---- sending ---- */

static void send_frame(struct relay_http *face, struct call *call, const struct news *news) {
    const struct relay_frame frame = {news->address, news->bytes, news->length};
    enum relay_sent sent = relay_server_send(face->server, call->account, &frame);
    if (sent != RELAY_AWAY || text_equal(call->last, news->address))
        return;
    text_set(call->last, news->address);
    struct news away = {.kind = NEWS_DOWN};
    text_set(away.address, news->address);
    news_add(&call->away, &away);
}

static enum http_next take_frames(struct relay_http *face, struct call *call, const char *bytes,
                                  size_t length) {
    struct news news;
    enum news_read read;
    if (is_over(call))
        return HTTP_DONE;
    news_reader_add(&call->reader, bytes, length);
    while ((read = news_reader_next(&call->reader, &news)) == NEWS_READ && news.kind == NEWS_FRAME)
        send_frame(face, call, &news);
    return read == NEWS_PART ? HTTP_READ : answer(call, 400, "frames are expected, one after the "
                                                             "other: frame ADDRESS LENGTH");
}

/* ---- the HTTP server's face ---- */

static struct http_request *on_new(struct http_face *http) {
    (void)http;
    struct call *call = memory_new(1, sizeof(*call));
    call->away.limit = limit_frame_hard;
    return &call->request;
}

static const char *parameter(const struct http_request *request, const char *name) {
    for (size_t i = 0; i < request->parameters_count; i++)
        if (text_equal(request->parameters[i].name, name))
            return request->parameters[i].value;
    return "";
}

/* Which request it is, and who asks. False, with the answer: it is none, or not theirs. */
static bool understand(struct relay_http *face, struct call *call) {
    char digest[limit_digest_size];
    const struct http_request *request = &call->request;
    for (call->ask = 0; call->ask < ASK_COUNT; call->ask++)
        if (text_equal(asks[call->ask].path, request->path) &&
            text_equal(asks[call->ask].method, request->method))
            break;
    if (call->ask == ASK_COUNT) {
        set_answer(call, 404, "this is isthmus-relay; it knows no such request");
        return false;
    }
    call->account = relay_find(&face->server->relay, parameter(request, "as"));
    http_token_hash(request, digest);
    if (!call->account || !text_equal(face->standings[call->account->number].token_hash, digest)) {
        set_answer(call, 401, "no account of that address has this token");
        return false;
    }
    const char *wait = parameter(request, "wait_ms");
    uint64_t wait_ms = *wait ? strtoull(wait, NULL, 10) : wait_default_ms;
    call->due_ms = relay_server_now_ms() + (wait_ms < wait_most_ms ? wait_ms : wait_most_ms);
    call->connection = strtoull(parameter(request, "connection"), NULL, 16);
    if (call->connection || call->ask == ASK_ACCOUNT)
        return true;
    set_answer(call, 400, "connection is missing: a number that is drawn for each, in hex");
    return false;
}

static enum http_next do_what_is_asked(struct relay_http *face, struct call *call) {
    switch (call->ask) {
    case ASK_ACCOUNT:
        return answer(call, 204, NULL);
    case ASK_OPEN:
        relay_server_open(face->server, call->account, call->connection);
        return answer(call, 204, NULL);
    case ASK_CLOSE:
        if (relay_standing(call->account, call->connection) == RELAY_THERE)
            relay_close(&face->server->relay, call->account, relay_server_now_ms());
        return answer(call, 204, NULL);
    case ASK_NEWS:
        return begin_listening(face, call);
    case ASK_SEND:
        return is_over(call) ? HTTP_DONE : HTTP_READ;
    case ASK_COUNT:
        break;
    }
    return HTTP_DONE;
}

static enum http_next on_head(struct http_face *http, struct http_request *request) {
    struct relay_http *face = face_of(http);
    struct call *call = call_of(request);
    relay_server_lock(face->server);
    enum http_next next =
        understand(face, call) ? do_what_is_asked(face, call) : HTTP_DONE;
    relay_server_unlock(face->server);
    return next;
}

static enum http_next on_piece(struct http_face *http, struct http_request *request,
                               const char *bytes, size_t length) {
    struct relay_http *face = face_of(http);
    relay_server_lock(face->server);
    enum http_next next = take_frames(face, call_of(request), bytes, length);
    relay_server_unlock(face->server);
    return next;
}

static enum http_next on_complete(struct http_face *http, struct http_request *request) {
    (void)http;
    struct call *call = call_of(request);
    return news_reader_is_done(&call->reader) ? answer_news(call, &call->away)
                                              : answer(call, 400, "the last frame is cut short");
}

static enum http_next on_resumed(struct http_face *http, struct http_request *request) {
    struct relay_http *face = face_of(http);
    relay_server_lock(face->server);
    enum http_next next = answer_listener(face, call_of(request));
    relay_server_unlock(face->server);
    return next;
}

static void on_closed(struct http_face *http, struct http_request *request) {
    struct relay_http *face = face_of(http);
    struct call *call = call_of(request);
    relay_server_lock(face->server);
    if (call->account)
        end_listening(face, call);
    relay_server_unlock(face->server);
    text_deinit(&call->reader.held);
    text_deinit(&call->away);
    memory_free(call);
}

/* ---- from outside ---- */

static uint64_t on_tick(struct relay_face *base, uint64_t now_ms) {
    struct relay_http *face = container_of(base, struct relay_http, face);
    uint64_t due_ms = UINT64_MAX;
    for (size_t i = 0; i < face->server->relay.accounts_count; i++) {
        struct call *listener = face->standings[i].listener;
        if (listener && listener->due_ms <= now_ms)
            http_resume(&listener->request);
        else if (listener && listener->due_ms < due_ms)
            due_ms = listener->due_ms;
    }
    return due_ms;
}

uint16_t relay_http_port(const struct relay_http *face) {
    return http_server_port(face->listening);
}

static void free_face(struct relay_http *face) {
    relay_server_remove(face->server, &face->face);
    memory_free(face->standings);
    memory_free(face);
}

struct relay_http *relay_http_start(struct relay_server *server,
                                    const struct http_server_settings *settings,
                                    struct error *err) {
    struct relay_http *face = memory_new(1, sizeof(*face));
    size_t count = server->relay.accounts_count;
    face->face = (struct relay_face){tell, on_tick};
    face->http = (struct http_face){on_new,      on_head,    on_piece,
                                    on_complete, on_resumed, on_closed};
    face->server = server;
    face->standings = memory_new(count, sizeof(*face->standings));
    for (size_t i = 0; i < count; i++) {
        const char *token = server->accounts[i].token;
        secret_hash_bytes(token, strlen(token), face->standings[i].token_hash);
    }
    relay_server_add(server, &face->face);
    if (http_server_start(settings, &face->http, &face->listening, err) == 0)
        return face;
    free_face(face);
    return NULL;
}

int relay_http_renew(struct relay_http *face, struct error *err) {
    return http_server_renew(face->listening, err);
}

void relay_http_stop(struct relay_http *face) {
    if (!face)
        return;
    http_server_stop(face->listening);
    free_face(face);
}
