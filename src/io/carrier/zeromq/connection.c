/* The connection, its thread, what it says and hears. A socket is made anew for each connection:
 * one that the relay has refused is not tried again by the library, and one that is connected again
 * sends what is stale.
 *
 *            open            keys proven         said back       close
 *   DOWN ----------> CONNECTING -------> OPENING --------> UP --------> CLOSING
 *     ^                  |                  |              |               | said back, or 1.5 s
 *     '------------------'------------------'--------------'---------------'
 */
#include "io/carrier/zeromq/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "io/carrier/resolve.h"
#include "io/carrier/runner.h"
#include "io/carrier/socket.h"
#include "io/keys/curve_key.h"
#include "io/zeromq/zeromq.h"
#include "message/limits.h"
#include "message/news.h"

enum {
    closing_ms = 1500,
    whole_most = 4 << 20,     /* bytes that come in until a message is whole */
    look_ms = 500,            /* how often that is looked at */
    untaken_most = 128 << 10, /* bytes that are said until the relay is asked whether it has them */
};

static const char scheme[] = "tcp://";

enum phase { PHASE_DOWN, PHASE_CONNECTING, PHASE_OPENING, PHASE_UP, PHASE_CLOSING };

struct zeromq_connection {
    struct carrier_runner runner;
    char *host;
    uint16_t port;
    struct curve_pair own;
    unsigned char server_key[curve_key_bytes];

    /* the thread's own */
    enum phase phase;
    struct zeromq *zeromq;
    struct resolve_addresses addresses;
    enum relay_word to_say;     /* RELAY_WORD_COUNT: none */
    struct text saying;         /* news, of which `said` bytes are said */
    size_t said;
    size_t untaken, asked;      /* bytes that the relay may not have yet; questions not answered */
    struct news_reader reader;
    uint64_t due_ms;            /* CONNECTING, OPENING, CLOSING: until then */
    uint64_t heard_ms, asked_ms; /* UP: when the relay last said something, was last asked to */
    int socket;                 /* our duplicate, or -1 */
    uint64_t came;              /* bytes by it when a message was last whole */
};

static void go_down(struct zeromq_connection *zeromq, enum carrier_cause_kind kind,
                    const char *detail) {
    carrier_outbox_close(&zeromq->runner.outbox);
    carrier_cause_set(&zeromq->runner.cause, kind, detail);
    zeromq->phase = PHASE_DOWN;
}

static bool is_probe(const struct zeromq_connection *zeromq) {
    return carrier_runner_is_probe(&zeromq->runner);
}

/* ---- going out ---- */

/* So that a relay that hangs is noticed, and none gets more at a time than it has room for. */
static void ask(struct zeromq_connection *zeromq, uint64_t now) {
    zeromq->to_say = is_probe(zeromq) ? RELAY_WORD_PROBE : RELAY_WORD_PING;
    zeromq->asked_ms = now;
    zeromq->asked++;
}

static bool is_asked_enough(const struct zeromq_connection *zeromq) {
    return zeromq->asked && zeromq->untaken >= untaken_most;
}

static bool has_to_say(const struct zeromq_connection *zeromq) {
    bool has_piece = zeromq->said < zeromq->saying.length && !is_asked_enough(zeromq);
    return zeromq->phase > PHASE_CONNECTING && (zeromq->to_say != RELAY_WORD_COUNT || has_piece);
}

/* False: not yet. */
static bool say(struct zeromq_connection *zeromq, const struct zeromq_message *message) {
    switch (zeromq_send(zeromq->zeromq, message)) {
    case ZEROMQ_SENT:
        return true;
    case ZEROMQ_FULL:
        return false;
    case ZEROMQ_AWAY:
        go_down(zeromq, CARRIER_CAUSE_LOST, NULL);
        return false;
    }
    return false;
}

/* The next piece of what waits; false: there is none. */
static bool next_piece(struct zeromq_connection *zeromq, struct zeromq_message *out) {
    if (zeromq->phase == PHASE_UP && zeromq->said == zeromq->saying.length) {
        text_clear(&zeromq->saying);
        zeromq->said = 0;
        carrier_outbox_take(&zeromq->runner.outbox, &zeromq->saying);
    }
    size_t rest = zeromq->saying.length - zeromq->said;
    *out = (struct zeromq_message){
        .word = RELAY_WORD_NEWS,
        .bytes = text_data(&zeromq->saying) + zeromq->said,
        .length = rest < relay_piece_bytes ? rest : relay_piece_bytes,
    };
    return rest;
}

/* False: not yet. */
static bool say_word(struct zeromq_connection *zeromq) {
    if (zeromq->to_say == RELAY_WORD_COUNT)
        return true;
    if (!say(zeromq, &(struct zeromq_message){.word = zeromq->to_say}))
        return false;
    zeromq->to_say = RELAY_WORD_COUNT;
    return true;
}

static void say_what_waits(struct zeromq_connection *zeromq) {
    struct zeromq_message piece;
    if (zeromq->phase == PHASE_DOWN || zeromq->phase == PHASE_CONNECTING || !say_word(zeromq))
        return;
    while (zeromq->phase == PHASE_UP && !is_asked_enough(zeromq) && next_piece(zeromq, &piece) &&
           say(zeromq, &piece)) {
        zeromq->said += piece.length;
        zeromq->untaken += piece.length;
        if (zeromq->untaken >= untaken_most)
            ask(zeromq, carrier_now_ms());
        if (!say_word(zeromq))
            return;
    }
}

/* ---- coming in ---- */

static void take_news(struct zeromq_connection *zeromq, const struct zeromq_message *message) {
    if (carrier_runner_on_news(&zeromq->runner, &zeromq->reader, message->bytes,
                               message->length) == NEWS_BROKEN)
        go_down(zeromq, CARRIER_CAUSE_STRANGER, "its news cannot be understood");
}

static void on_up(struct zeromq_connection *zeromq) {
    zeromq->phase = PHASE_UP;
    carrier_runner_on_up(&zeromq->runner);
}

/* The relay has had all that was said before it was asked. */
static void on_answer(struct zeromq_connection *zeromq) {
    if (zeromq->asked && --zeromq->asked == 0)
        zeromq->untaken = 0;
}

static void take_message(struct zeromq_connection *zeromq, const struct zeromq_message *message) {
    enum relay_word awaited = is_probe(zeromq) ? RELAY_WORD_PROBE : RELAY_WORD_OPEN;
    zeromq->heard_ms = carrier_now_ms();
    if (message->word == RELAY_WORD_REPLACED)
        go_down(zeromq, CARRIER_CAUSE_CONFLICT, NULL);
    else if (message->word == RELAY_WORD_GONE)
        go_down(zeromq, CARRIER_CAUSE_GONE, NULL);
    else if (message->word == RELAY_WORD_COUNT)
        go_down(zeromq, CARRIER_CAUSE_STRANGER, "a word that no relay says");
    else if (zeromq->phase == PHASE_OPENING && message->word == awaited)
        on_up(zeromq);
    else if (zeromq->phase == PHASE_UP && message->word == RELAY_WORD_NEWS && !is_probe(zeromq))
        take_news(zeromq, message);
    else if (zeromq->phase == PHASE_UP && message->word != RELAY_WORD_NEWS)
        on_answer(zeromq);
    else if (zeromq->phase == PHASE_CLOSING && message->word == RELAY_WORD_CLOSE)
        go_down(zeromq, CARRIER_CAUSE_NONE, NULL);
}

/* The library holds a message in many parts until it is whole, whatever that takes. */
static bool is_flooded(const struct zeromq_connection *zeromq) {
    return zeromq->socket >= 0 &&
           carrier_socket_bytes_read(zeromq->socket) > zeromq->came + whole_most;
}

static void take_messages(struct zeromq_connection *zeromq) {
    struct zeromq_message message;
    while (zeromq->phase != PHASE_DOWN && zeromq_receive(zeromq->zeromq, &message)) {
        zeromq->came = zeromq->socket < 0 ? 0 : carrier_socket_bytes_read(zeromq->socket);
        take_message(zeromq, &message);
    }
    if (is_flooded(zeromq))
        go_down(zeromq, CARRIER_CAUSE_STRANGER, "a message without an end");
}

/* Both keys are good: what this is for can be said. */
static void begin_opening(struct zeromq_connection *zeromq) {
    if (zeromq->phase != PHASE_CONNECTING)
        return;
    zeromq->phase = PHASE_OPENING;
    zeromq->to_say = is_probe(zeromq) ? RELAY_WORD_PROBE : RELAY_WORD_OPEN;
}

static void follow(struct zeromq_connection *zeromq, int fd) {
    if (zeromq->socket < 0)
        zeromq->socket = fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static void take_events(struct zeromq_connection *zeromq) {
    int fd;
    enum zeromq_event event;
    while (zeromq->phase != PHASE_DOWN &&
           (event = zeromq_next_event(zeromq->zeromq, &fd)) != ZEROMQ_NOTHING) {
        switch (event) {
        case ZEROMQ_CONNECTED:
            follow(zeromq, fd);
            break;
        case ZEROMQ_READY:
            begin_opening(zeromq);
            break;
        case ZEROMQ_REFUSED:
            go_down(zeromq, CARRIER_CAUSE_PASSWORD, NULL);
            break;
        case ZEROMQ_BROKEN:
            go_down(zeromq, CARRIER_CAUSE_KEY, NULL);
            break;
        case ZEROMQ_ENDED:
            take_messages(zeromq); /* what came before the end may say why */
            go_down(zeromq, CARRIER_CAUSE_LOST, NULL);
            break;
        case ZEROMQ_NOTHING:
            break;
        }
    }
}

/* ---- connecting ---- */

/* Whether anybody listens there: the library tries each address for ever, and does not tell. */
static const struct resolve_address *find_relay(struct zeromq_connection *zeromq) {
    struct resolve_addresses *addresses = &zeromq->addresses;
    const struct resolve_address *found = NULL;
    int failed = 0;
    if (!resolve_server(addresses, NULL, zeromq->host, zeromq->port))
        go_down(zeromq, CARRIER_CAUSE_NAME, NULL);
    else if (!(found = resolve_reach(addresses, (int)zeromq->runner.handshake_ms,
                                     &zeromq->runner.is_closing, &failed)))
        go_down(zeromq, failed == ECONNREFUSED ? CARRIER_CAUSE_REFUSED : CARRIER_CAUSE_UNREACHABLE,
                strerror(failed));
    return found;
}

static void begin(struct zeromq_connection *zeromq) {
    const struct resolve_address *relay = zeromq->runner.is_closing ? NULL : find_relay(zeromq);
    const struct zeromq_keys keys = {zeromq->own.public_key, zeromq->own.secret_key,
                                     zeromq->server_key};
    char where[sizeof(relay->text) + 16];
    struct error err;
    if (!relay || zeromq->phase == PHASE_DOWN)
        return;
    bool is_v6 = strchr(relay->text, ':');
    text_format(where, sizeof(where), "%s%s%s:%u", is_v6 ? "[" : "", relay->text,
                is_v6 ? "]" : "", relay->port);
    unsigned theirs_ms = 2 * (unsigned)zeromq->runner.handshake_ms; /* ours ends first */
    zeromq->zeromq = zeromq_new(&keys, theirs_ms, &err);
    if (!zeromq->zeromq || zeromq_connect(zeromq->zeromq, where, &err))
        go_down(zeromq, CARRIER_CAUSE_LOST, err.text);
}

/* ---- the connection's life ---- */

static void begin_closing(struct zeromq_connection *zeromq) {
    carrier_outbox_close(&zeromq->runner.outbox);
    if (zeromq->phase != PHASE_UP || is_probe(zeromq)) {
        go_down(zeromq, CARRIER_CAUSE_NONE, NULL);
        return;
    }
    zeromq->phase = PHASE_CLOSING;
    zeromq->due_ms = carrier_now_ms() + closing_ms;
    zeromq->to_say = RELAY_WORD_CLOSE;
}

/* A relay that has said nothing for so long is asked, or given up. */
static uint64_t due_ms(const struct zeromq_connection *zeromq) {
    if (zeromq->phase != PHASE_UP)
        return zeromq->due_ms;
    uint64_t dead = zeromq->heard_ms + zeromq->runner.ping_ms * 3 / 2;
    uint64_t last = zeromq->heard_ms > zeromq->asked_ms ? zeromq->heard_ms : zeromq->asked_ms;
    uint64_t silent = last + zeromq->runner.ping_ms * 2 / 3;
    return silent < dead ? silent : dead;
}

static void on_time(struct zeromq_connection *zeromq) {
    uint64_t now = carrier_now_ms();
    if (zeromq->phase == PHASE_DOWN || now < due_ms(zeromq))
        return;
    if (zeromq->phase == PHASE_CLOSING)
        go_down(zeromq, CARRIER_CAUSE_NONE, NULL);
    else if (zeromq->phase != PHASE_UP)
        go_down(zeromq, CARRIER_CAUSE_SILENT, NULL);
    else if (now >= zeromq->heard_ms + zeromq->runner.ping_ms * 3 / 2)
        go_down(zeromq, CARRIER_CAUSE_DEAD, NULL);
    else
        ask(zeromq, now);
}

/* Waits for the socket, the outbox or the next due time, then does what there is. */
static void take_turn(struct zeromq_connection *zeromq) {
    uint64_t now = carrier_now_ms(), due = due_ms(zeromq);
    due = due < now + look_ms ? due : now + look_ms;
    if (zeromq_wait(zeromq->zeromq, zeromq->runner.outbox.wake_fd, has_to_say(zeromq),
                    due > now ? (int)(due - now) : 0))
        carrier_outbox_woken(&zeromq->runner.outbox);
    take_events(zeromq);
    take_messages(zeromq);
    if (zeromq->runner.is_closing && zeromq->phase != PHASE_CLOSING && zeromq->phase != PHASE_DOWN)
        begin_closing(zeromq);
    on_time(zeromq);
    say_what_waits(zeromq);
    carrier_runner_serve_frames(&zeromq->runner);
}

static void drop_socket(struct zeromq_connection *zeromq) {
    zeromq_free(zeromq->zeromq);
    zeromq->zeromq = NULL;
    if (zeromq->socket >= 0)
        close(zeromq->socket);
    zeromq->socket = -1;
    zeromq->came = 0;
    text_deinit(&zeromq->saying);
    text_deinit(&zeromq->reader.held);
    zeromq->saying = (struct text){.limit = carrier_outbox_bytes};
    zeromq->reader = (struct news_reader){0};
    zeromq->said = zeromq->untaken = zeromq->asked = 0;
    zeromq->to_say = RELAY_WORD_COUNT;
}

/* One connection, from the first packet to the last. */
static void serve(struct carrier_runner *runner) {
    struct zeromq_connection *zeromq = container_of(runner, struct zeromq_connection, runner);
    zeromq->phase = PHASE_CONNECTING;
    zeromq->due_ms = carrier_now_ms() + zeromq->runner.handshake_ms;
    begin(zeromq);
    while (zeromq->zeromq && zeromq->phase != PHASE_DOWN)
        take_turn(zeromq);
    go_down(zeromq, CARRIER_CAUSE_LOST, NULL);
    drop_socket(zeromq);
}

/* ---- from outside ---- */

/* tcp://host:port, tcp://[address]:port; *out_host is the caller's to free. */
static int read_url(const char *url, char **out_host, uint16_t *out_port, struct error *err) {
    const char *host = url && text_starts(url, scheme) ? url + strlen(scheme) : "";
    const char *colon = strrchr(host, ':');
    char *end = NULL;
    unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
    if (!colon || colon == host || *end || !port || port > UINT16_MAX)
        return error_set(err, -EINVAL, "url \"%s\": write it like tcp://relay.example:8446",
                         url ? url : "");
    bool is_bracketed = host[0] == '[' && colon[-1] == ']';
    *out_host = memory_text(host + is_bracketed);
    (*out_host)[colon - host - 2 * is_bracketed] = 0;
    *out_port = (uint16_t)port;
    return 0;
}

static int check(const struct carrier_endpoint *endpoint, struct error *err) {
    if (!news_is_address(endpoint->address) || strchr(endpoint->address, '/'))
        return error_set(err, -EINVAL, "address \"%s\": write it as account@domain",
                         endpoint->address ? endpoint->address : "");
    if (!endpoint->password || !endpoint->password[0])
        return error_set(err, -EINVAL, "no token for %s: give one", endpoint->address);
    return 0;
}

static void free_connection(struct zeromq_connection *zeromq) {
    carrier_runner_deinit(&zeromq->runner);
    curve_pair_erase(&zeromq->own);
    memory_free(zeromq->host);
    memory_free(zeromq);
}

static int take_settings(struct zeromq_connection *zeromq, const struct carrier_endpoint *endpoint,
                         struct error *err) {
    zeromq->to_say = RELAY_WORD_COUNT;
    zeromq->socket = -1;
    zeromq->saying.limit = carrier_outbox_bytes;
    if (check(endpoint, err) || read_url(endpoint->url, &zeromq->host, &zeromq->port, err) ||
        curve_public_read(endpoint->server_key, zeromq->server_key, err))
        return err->code;
    curve_pair_of_account(endpoint->address, endpoint->password, &zeromq->own);
    return 0;
}

static struct carrier_line *make(const struct carrier_line_settings *settings,
                                 struct error *err) {
    struct zeromq_connection *zeromq = memory_new(1, sizeof(*zeromq));
    if (carrier_runner_init(&zeromq->runner, settings, serve, err)) {
        memory_free(zeromq);
        return NULL;
    }
    if (take_settings(zeromq, settings->endpoint, err) == 0 &&
        carrier_runner_start(&zeromq->runner, err) == 0)
        return &zeromq->runner.line;
    free_connection(zeromq);
    return NULL;
}

static void free_line(struct carrier_line *line) {
    struct zeromq_connection *zeromq =
        container_of(line, struct zeromq_connection, runner.line);
    carrier_runner_stop(&zeromq->runner);
    free_connection(zeromq);
}

const struct carrier_kind zeromq_kind = {
    .name = "zeromq",
    .make = make,
    .open = carrier_runner_open,
    .close = carrier_runner_close,
    .send = carrier_runner_send,
    .flush = carrier_runner_flush,
    .free = free_line,
};
