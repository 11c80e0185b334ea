/* What requests and answers carry is in message/news, a failure in words in the folder above
 * (cause). Here: the connection, its thread, and its requests.
 *
 *            open               204                  close             answered, or 1.5 s
 *   DOWN ------------> CONNECTING -----> UP --------------> CLOSING ------------------> DOWN
 *     ^                    |             |
 *     '--------------------'-------------'   any other answer, or none in time
 */
#include "io/carrier/http/connection.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "io/carrier/runner.h"
#include "io/carrier/socket.h"
#include "message/limits.h"
#include "message/news.h"

enum {
    closing_ms = 1500,
    nothing_ms = 250,      /* how often a relay that has nothing, and does not wait, is asked */
    heads_most = 64 << 10, /* bytes of an answer before its body; libcurl knows no end of them */
};

enum phase { PHASE_DOWN, PHASE_CONNECTING, PHASE_UP, PHASE_CLOSING };

/* Whose time begins anew whenever something moves. */
enum patience { PATIENCE_IN_ALL, PATIENCE_AT_REST };

/* One request after the other, over a connection that is kept. */
struct call {
    struct http_connection *http;
    CURL *curl;
    bool is_under_way;
    struct text body;   /* of the POST */
    struct text words;  /* of an answer that was not hoped for */
    struct news_reader reader;
    enum patience patience;
    uint64_t due_ms, time_ms;
    curl_off_t moved; /* bytes so far, up and down */
    size_t heads;     /* bytes of the answer's heads so far */
    char why[CURL_ERROR_SIZE];
};

struct http_connection {
    struct carrier_runner runner;
    char *token, *ca_file, *proxy;

    /* the thread's own */
    enum phase phase;
    CURLM *multi;
    struct curl_slist *headers;
    struct call listening, saying; /* the GET, and all else */
    char where[3 * limit_address_size + 64]; /* who we are, as a query */
    uint64_t probe_ms; /* when a probe asks again */
    bool has_heard;    /* news, since it listens */
    uint64_t listen_ms; /* not before then it listens again */
};

/* ---- coming in ---- */

static size_t on_answer(char *bytes, size_t one, size_t count, void *context) {
    struct call *call = context;
    size_t length = one * count;
    long status = 0;
    curl_easy_getinfo(call->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) {
        bool is_long = call->words.full;
        text_add_bytes(&call->words, bytes, length); /* what is over the limit is not kept */
        return is_long ? 0 : length; /* nor waited for */
    }
    struct http_connection *http = call->http;
    http->has_heard = true;
    return http->phase == PHASE_UP &&
                   carrier_runner_on_news(&http->runner, &call->reader, bytes, length) == NEWS_PART
               ? length
               : 0;
}

static size_t on_head(char *bytes, size_t one, size_t count, void *context) {
    (void)bytes;
    struct call *call = context;
    call->heads += one * count;
    return call->heads > heads_most ? 0 : one * count;
}

static int on_progress(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up) {
    (void)down_total, (void)up_total;
    struct call *call = context;
    if (call->patience == PATIENCE_AT_REST && down + up != call->moved)
        call->due_ms = carrier_now_ms() + call->time_ms;
    call->moved = down + up;
    return 0;
}

/* ---- going out ---- */

static int on_socket(void *context, curl_socket_t fd, curlsocktype purpose) {
    (void)context, (void)purpose;
    carrier_socket_tune(fd);
    return CURL_SOCKOPT_OK;
}

static void call_init(struct call *call, struct http_connection *http) {
    CURL *curl = curl_easy_init();
    *call = (struct call){.http = http, .curl = curl};
    call->words.limit = sizeof(http->runner.cause.detail);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_CAINFO, http->ca_file);
    curl_easy_setopt(curl, CURLOPT_CAPATH, NULL); /* or the system's authorities would do, too */
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "isthmus/" ISTHMUS_VERSION);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, http->headers);
    curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, on_socket);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, call->why);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, call);
    if (http->proxy)
        curl_easy_setopt(curl, CURLOPT_PROXY, http->proxy);
}

static void call_stop(struct call *call) {
    if (call->is_under_way)
        curl_multi_remove_handle(call->http->multi, call->curl);
    call->is_under_way = false;
}

static void call_deinit(struct call *call) {
    call_stop(call);
    curl_easy_cleanup(call->curl);
    text_deinit(&call->body);
    text_deinit(&call->words);
    text_deinit(&call->reader.held);
}

/* Begins "GET /v1/frames": with body and all that goes with a connection. */
static void ask(struct call *call, const char *request, const char *more) {
    const struct http_connection *http = call->http;
    auto_clean(text_deinit) struct text url = {0};
    bool is_post = text_starts(request, "POST ");
    text_addf(&url, "%s%s%s%s", http->runner.url, strchr(request, '/'), http->where, more);
    curl_easy_setopt(call->curl, CURLOPT_URL, url.data);
    curl_easy_setopt(call->curl, is_post ? CURLOPT_POST : CURLOPT_HTTPGET, 1L);
    if (is_post) {
        curl_easy_setopt(call->curl, CURLOPT_POSTFIELDS, text_data(&call->body));
        curl_easy_setopt(call->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.length);
    }
    text_clear(&call->words);
    text_clear(&call->reader.held);
    call->reader.used = 0;
    call->why[0] = 0;
    call->moved = 0;
    call->heads = 0;
    call->due_ms = carrier_now_ms() + call->time_ms;
    call->is_under_way = true;
    curl_multi_add_handle(http->multi, call->curl);
}

/* The relay holds it for two thirds of the time between pings, and has as much again, and more, to
 * answer before it counts as dead. */
static void listen_on(struct http_connection *http) {
    char wait[32];
    http->has_heard = false;
    http->listen_ms = carrier_now_ms() + nothing_ms;
    text_format(wait, sizeof(wait), "&wait_ms=%" PRIu64, http->runner.ping_ms * 2 / 3);
    http->listening.patience = PATIENCE_AT_REST;
    http->listening.time_ms = http->runner.ping_ms * 3 / 2;
    ask(&http->listening, "GET /v1/frames", wait);
}

/* One that answers at once, with nothing, would keep both of us busy for nothing. */
static void listen_again(struct http_connection *http) {
    bool is_listening = http->phase == PHASE_UP && http->runner.purpose == FAILOVER_USE;
    if (is_listening && !http->listening.is_under_way &&
        (http->has_heard || carrier_now_ms() >= http->listen_ms))
        listen_on(http);
}

static void say(struct http_connection *http, const char *request, enum patience patience,
                uint64_t time_ms) {
    http->saying.patience = patience;
    http->saying.time_ms = time_ms;
    ask(&http->saying, request, "");
}

static void say_what_waits(struct http_connection *http) {
    if (http->phase != PHASE_UP || http->saying.is_under_way)
        return;
    if (carrier_runner_is_probe(&http->runner)) {
        if (carrier_now_ms() >= http->probe_ms)
            say(http, "GET /v1/account", PATIENCE_IN_ALL, http->runner.ping_ms);
        return;
    }
    text_clear(&http->saying.body);
    carrier_outbox_take(&http->runner.outbox, &http->saying.body);
    if (http->saying.body.length)
        say(http, "POST /v1/frames", PATIENCE_AT_REST, http->runner.ping_ms);
}

/* ---- the connection's life ---- */

static void go_down(struct http_connection *http, enum carrier_cause_kind kind,
                    const char *detail) {
    carrier_outbox_close(&http->runner.outbox);
    call_stop(&http->listening);
    call_stop(&http->saying);
    carrier_cause_set(&http->runner.cause, kind, detail);
    http->phase = PHASE_DOWN;
}

static void on_up(struct http_connection *http) {
    http->phase = PHASE_UP;
    if (!carrier_runner_is_probe(&http->runner))
        listen_on(http);
    carrier_runner_on_up(&http->runner);
}

static enum carrier_cause_kind cause_of_status(long status) {
    switch (status) {
    case 401:
        return CARRIER_CAUSE_PASSWORD;
    case 409:
        return CARRIER_CAUSE_CONFLICT;
    case 410:
        return CARRIER_CAUSE_GONE;
    case 429:
    case 503:
        return CARRIER_CAUSE_FULL;
    default:
        return CARRIER_CAUSE_STRANGER;
    }
}

static enum carrier_cause_kind cause_of(const struct call *call, CURLcode code) {
    long why = 0;
    curl_easy_getinfo(call->curl, CURLINFO_OS_ERRNO, &why);
    switch ((int)code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return CARRIER_CAUSE_NAME;
    case CURLE_COULDNT_CONNECT:
        return why == ECONNREFUSED ? CARRIER_CAUSE_REFUSED : CARRIER_CAUSE_UNREACHABLE;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
        return CARRIER_CAUSE_PROXY;
    case CURLE_SSL_CACERT_BADFILE:
        return CARRIER_CAUSE_AUTHORITY;
    case CURLE_PEER_FAILED_VERIFICATION:
        return CARRIER_CAUSE_CERTIFICATE;
    case CURLE_SSL_CONNECT_ERROR:
        return CARRIER_CAUSE_TLS;
    case CURLE_RECV_ERROR: /* an answer to CONNECT has no other code */
        return strstr(call->why, "CONNECT") ? CARRIER_CAUSE_PROXY : CARRIER_CAUSE_LOST;
    case CURLE_WRITE_ERROR: /* on_answer or on_head did not understand it */
        return CARRIER_CAUSE_STRANGER;
    default:
        return CARRIER_CAUSE_LOST;
    }
}

/* One fault has one wording: of a connection that does not come about, curl's own words say how
 * long they waited, and would be logged at each retry. */
static const char *words_of(const struct call *call, CURLcode code) {
    long why = 0;
    curl_easy_getinfo(call->curl, CURLINFO_OS_ERRNO, &why);
    if (code == CURLE_COULDNT_CONNECT && why)
        return strerror((int)why);
    return code == CURLE_COULDNT_CONNECT || !call->why[0] ? curl_easy_strerror(code) : call->why;
}

/* A hoped-for answer leads on, any other one to the end. */
static void on_end(struct http_connection *http, struct call *call, CURLcode code) {
    long status = 0;
    curl_easy_getinfo(call->curl, CURLINFO_RESPONSE_CODE, &status);
    call_stop(call);
    if (http->phase == PHASE_CLOSING)
        go_down(http, CARRIER_CAUSE_NONE, NULL);
    else if (code != CURLE_OK && !call->words.full)
        go_down(http, cause_of(call, code), words_of(call, code));
    else if ((status != 200 || http->phase == PHASE_CONNECTING) && status != 204)
        go_down(http, cause_of_status(status), text_data(&call->words));
    else if (!news_reader_is_done(&call->reader))
        go_down(http, CARRIER_CAUSE_STRANGER, "its news are cut short");
    else if (http->phase == PHASE_CONNECTING)
        on_up(http);
    else if (call == &http->listening)
        listen_again(http);
    http->probe_ms = carrier_now_ms() + http->runner.ping_ms / 2;
}

static void take_ends(struct http_connection *http) {
    int left;
    const CURLMsg *message;
    while (http->phase != PHASE_DOWN && (message = curl_multi_info_read(http->multi, &left))) {
        struct call *call = message->easy_handle == http->listening.curl ? &http->listening
                                                                         : &http->saying;
        on_end(http, call, message->data.result);
    }
}

static void begin_closing(struct http_connection *http) {
    bool is_there = http->phase == PHASE_UP && http->runner.purpose == FAILOVER_USE;
    if (!is_there) {
        go_down(http, CARRIER_CAUSE_NONE, NULL);
        return;
    }
    carrier_outbox_close(&http->runner.outbox);
    call_stop(&http->listening);
    call_stop(&http->saying);
    http->phase = PHASE_CLOSING;
    text_clear(&http->saying.body);
    say(http, "POST /v1/close", PATIENCE_IN_ALL, closing_ms);
}

static void give_up(struct http_connection *http, const struct call *call) {
    if (call->is_under_way && carrier_now_ms() >= call->due_ms)
        go_down(http, http->phase == PHASE_UP ? CARRIER_CAUSE_DEAD : CARRIER_CAUSE_SILENT, NULL);
}

static int patience_ms(const struct http_connection *http) {
    uint64_t now = carrier_now_ms(), due = now + http->runner.ping_ms;
    const struct call *calls[] = {&http->listening, &http->saying};
    for (size_t i = 0; i < array_size(calls); i++)
        if (calls[i]->is_under_way && calls[i]->due_ms < due)
            due = calls[i]->due_ms;
    bool is_probe = carrier_runner_is_probe(&http->runner);
    uint64_t asks_ms = is_probe ? http->probe_ms : http->listen_ms;
    if (http->phase == PHASE_UP && (is_probe || !http->listening.is_under_way) && asks_ms < due)
        due = asks_ms;
    return due > now ? (int)(due - now) : 0;
}

/* Waits for libcurl's sockets, the outbox or the next due time, then does what there is. */
static void take_turn(struct http_connection *http) {
    struct curl_waitfd wake = {.fd = http->runner.outbox.wake_fd, .events = CURL_WAIT_POLLIN};
    int running;
    curl_multi_poll(http->multi, &wake, 1, patience_ms(http), NULL);
    if (wake.revents)
        carrier_outbox_woken(&http->runner.outbox);
    curl_multi_perform(http->multi, &running);
    take_ends(http);
    give_up(http, &http->listening);
    give_up(http, &http->saying);
    if (http->runner.is_closing && http->phase != PHASE_CLOSING && http->phase != PHASE_DOWN)
        begin_closing(http);
    listen_again(http);
    say_what_waits(http);
    carrier_runner_serve_frames(&http->runner);
}

static void make_requests(struct http_connection *http) {
    auto_clean(text_deinit) struct text bearer = {0};
    uint64_t number = 0;
    while (!number)
        (void)!getrandom(&number, sizeof(number), 0);
    text_addf(&bearer, "Authorization: Bearer %s", http->token);
    http->headers = curl_slist_append(NULL, bearer.data);
    http->headers = curl_slist_append(http->headers, "Expect:"); /* or a batch waits a round trip */
    http->headers =
        curl_slist_append(http->headers, "Content-Type: application/vnd.isthmus.news");
    explicit_bzero(bearer.data, bearer.length);
    http->multi = curl_multi_init();
    call_init(&http->listening, http);
    call_init(&http->saying, http);
    char *as = curl_easy_escape(http->saying.curl, http->runner.address, 0);
    text_format(http->where, sizeof(http->where), "?as=%s&connection=%016" PRIx64, as, number);
    curl_free(as);
}

static void drop_requests(struct http_connection *http) {
    call_deinit(&http->listening);
    call_deinit(&http->saying);
    curl_multi_cleanup(http->multi);
    curl_slist_free_all(http->headers);
}

/* One connection, from the first request to the last. */
static void serve(struct carrier_runner *runner) {
    struct http_connection *http = container_of(runner, struct http_connection, runner);
    make_requests(http);
    http->phase = PHASE_CONNECTING;
    say(http, carrier_runner_is_probe(&http->runner) ? "GET /v1/account" : "POST /v1/open",
        PATIENCE_IN_ALL, http->runner.handshake_ms);
    while (http->phase != PHASE_DOWN)
        take_turn(http);
    drop_requests(http);
}

/* ---- from outside ---- */

static int check(const struct carrier_endpoint *endpoint, struct error *err) {
    if (!news_is_address(endpoint->address))
        return error_set(err, -EINVAL, "address \"%s\": write it as account@domain",
                         endpoint->address ? endpoint->address : "");
    if (!endpoint->url)
        return error_set(err, -EINVAL, "no url for %s: say where the relay is",
                         endpoint->address);
    if (!endpoint->password || !endpoint->password[0])
        return error_set(err, -EINVAL, "no token for %s: give one", endpoint->address);
    if (access(endpoint->ca_file ? endpoint->ca_file : "", R_OK) < 0)
        return error_set(err, -errno, "read the certificate authority \"%s\": %s: give a PEM file",
                         endpoint->ca_file ? endpoint->ca_file : "", strerror(errno));
    return 0;
}

static void free_settings(struct http_connection *http) {
    carrier_runner_deinit(&http->runner);
    explicit_bzero(http->token, strlen(http->token));
    memory_free(http->token);
    memory_free(http->ca_file);
    memory_free(http->proxy);
    memory_free(http);
}

static struct carrier_line *make(const struct carrier_line_settings *settings,
                                 struct error *err) {
    const struct carrier_endpoint *endpoint = settings->endpoint;
    if (check(endpoint, err))
        return NULL;
    struct http_connection *http = memory_new(1, sizeof(*http));
    if (carrier_runner_init(&http->runner, settings, serve, err)) {
        memory_free(http);
        return NULL;
    }
    http->token = memory_text(endpoint->password);
    http->ca_file = memory_text(endpoint->ca_file);
    http->proxy = memory_text(endpoint->proxy);
    if (carrier_runner_start(&http->runner, err) == 0)
        return &http->runner.line;
    free_settings(http);
    return NULL;
}

static void free_line(struct carrier_line *line) {
    struct http_connection *http = container_of(line, struct http_connection, runner.line);
    carrier_runner_stop(&http->runner);
    free_settings(http);
}

static void prepare(void) { (void)curl_global_init(CURL_GLOBAL_DEFAULT); }

const struct carrier_kind http_kind = {
    .name = "http",
    .prepare = prepare,
    .make = make,
    .open = carrier_runner_open,
    .close = carrier_runner_close,
    .send = carrier_runner_send,
    .flush = carrier_runner_flush,
    .free = free_line,
};
