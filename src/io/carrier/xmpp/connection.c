/* The files beside this one, but for stream (the connection), know nothing of libstrophe: check and
 * account (settings), server (its addresses), write (what we say), cause (a failure in words), and
 * in the folder above outbox (what waits to be said) and watchdog (cuts a stuck handshake). Here:
 * what comes in, and who has the library. */
#include "io/carrier/xmpp/connection.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/prng.h"
#include "io/carrier/thread.h"
#include "io/carrier/xmpp/check.h"
#include "io/carrier/xmpp/stream.h"
#include "io/carrier/xmpp/write.h"
#include "message/limits.h"

enum { handshake_default_seconds = 15, ping_default_seconds = 30 };

struct xmpp_peer {
    char *jid;
    bool is_answered; /* has had our presence since its own last came */
};

struct xmpp_connection {
    struct carrier_line line;
    uint32_t link;
    char *software;
    struct shell *shell;
    pthread_t thread;
    atomic_int purpose; /* enum failover_want: FAILOVER_NOTHING until it is opened */
    atomic_bool is_closing, is_stopping;
    struct carrier_outbox outbox;

    pthread_mutex_t library; /* guards the stream but for its server, and all below */
    struct xmpp_stream stream;
    bool has_frames; /* that wait to be served */
    struct xmpp_peer *peers;
    size_t peers_count;
    struct map peers_by_jid;
};

static void say_presence(struct xmpp_connection *xmpp, enum xmpp_write_presence presence,
                         const char *to) {
    auto_clean(text_deinit) struct text stanza = {0};
    xmpp_write_presence(&stanza, presence, to);
    xmpp_stream_say(&xmpp->stream, &stanza);
}

/* ---- coming in ---- */

static int on_message(xmpp_conn_t *connection, xmpp_stanza_t *stanza, void *user) {
    (void)connection;
    struct xmpp_connection *xmpp = user;
    const char *from = xmpp_stanza_get_from(stanza), *type = xmpp_stanza_get_type(stanza);
    if (!xmpp_is_full_jid(from) || !type)
        return 1;
    if (text_equal(type, "error")) {
        carrier_on_peer(&xmpp->line, from, PRESENCE_DOWN);
        return 1;
    }
    xmpp_stanza_t *frame =
        xmpp_stanza_get_child_by_name_and_ns(stanza, "frame", xmpp_write_namespace);
    if (!text_equal(type, "headline") || !frame)
        return 1;
    char *bytes = xmpp_stanza_get_text(frame);
    size_t length = bytes ? strlen(bytes) : 0;
    if (length > limit_frame_hard) {
        char who[limit_address_size + 8]; /* a resource may have spaces and quotes */
        shell_log(xmpp->shell, LOG_WARNING, "frame-refused", "link=%u from=%s bytes=%zu limit=%d",
                  xmpp->link, log_quote(from, who, sizeof(who)), length, limit_frame_hard);
    } else if (length) {
        carrier_on_frame(&xmpp->line, from, bytes, length);
        xmpp->has_frames = true;
    }
    if (bytes)
        xmpp_free(xmpp->stream.context, bytes);
    return 1;
}

/* A peer that came after our own first presence has not seen it: it is sent again, once. */
static void answer_presence(struct xmpp_connection *xmpp, const char *from,
                            enum presence presence) {
    struct xmpp_peer *peer = map_get(&xmpp->peers_by_jid, from);
    if (!peer)
        return;
    if (presence == PRESENCE_UP && !peer->is_answered)
        say_presence(xmpp, XMPP_WRITE_AVAILABLE, from);
    peer->is_answered = presence == PRESENCE_UP;
}

static int on_presence(xmpp_conn_t *connection, xmpp_stanza_t *stanza, void *user) {
    (void)connection;
    struct xmpp_connection *xmpp = user;
    const char *from = xmpp_stanza_get_from(stanza), *type = xmpp_stanza_get_type(stanza);
    if (from && type && text_equal(type, "subscribe")) {
        say_presence(xmpp, XMPP_WRITE_UNSUBSCRIBED, from);
        return 1;
    }
    bool is_down = type && (text_equal(type, "unavailable") || text_equal(type, "error"));
    if (!xmpp_is_full_jid(from) || text_equal(from, xmpp->stream.account.jid) || (type && !is_down))
        return 1;
    enum presence presence = is_down ? PRESENCE_DOWN : PRESENCE_UP;
    answer_presence(xmpp, from, presence);
    carrier_on_peer(&xmpp->line, from, presence);
    return 1;
}

static int on_iq(xmpp_conn_t *connection, xmpp_stanza_t *iq, void *user) {
    (void)connection;
    struct xmpp_connection *xmpp = user;
    const char *type = xmpp_stanza_get_type(iq), *id = xmpp_stanza_get_id(iq);
    const char *from = xmpp_stanza_get_from(iq);
    bool is_get = type && text_equal(type, "get");
    if (!is_get && !(type && text_equal(type, "set")))
        return 1;
    auto_clean(text_deinit) struct text answer = {0};
    if (is_get && xmpp_stream_asked(iq, "ping", "urn:xmpp:ping"))
        xmpp_write_pong(&answer, id, from);
    else if (is_get && xmpp_stream_asked(iq, "query", XMPP_NS_DISCO_INFO))
        xmpp_write_features(&answer, id, from);
    else if (is_get && xmpp_stream_asked(iq, "query", "jabber:iq:version"))
        xmpp_write_version(&answer, id, from, xmpp->software);
    else
        xmpp_write_refusal(&answer, id, from);
    xmpp_stream_say(&xmpp->stream, &answer);
    return 1;
}

/* ---- the connection's life ---- */

/* Our presence to all whom it concerns; frames may follow. */
static void greet(struct xmpp_connection *xmpp) {
    auto_clean(text_deinit) struct text stanzas = {0};
    xmpp_write_presence(&stanzas, XMPP_WRITE_INITIAL, NULL);
    for (size_t i = 0; i < xmpp->peers_count; i++) {
        xmpp->peers[i].is_answered = false;
        xmpp_write_presence(&stanzas, XMPP_WRITE_AVAILABLE, xmpp->peers[i].jid);
    }
    xmpp_stream_say(&xmpp->stream, &stanzas);
    carrier_outbox_open(&xmpp->outbox);
}

static void on_up(void *user) {
    struct xmpp_connection *xmpp = user;
    const struct xmpp_account *account = &xmpp->stream.account;
    bool is_used = xmpp->purpose == FAILOVER_USE;
    if (is_used)
        greet(xmpp);
    shell_log(xmpp->shell, LOG_INFO, is_used ? "connected" : "probing",
              "link=%u jid=%s server=%s:%u address=%s", xmpp->link,
              is_used ? account->jid : account->probe_jid, xmpp_account_host(account),
              account->port, xmpp->stream.server.address->text);
    carrier_on_up(&xmpp->line);
}

static const struct xmpp_stream_hooks hooks = {
    .on_up = on_up, .on_message = on_message, .on_presence = on_presence, .on_iq = on_iq};

/* Waits without the library for the socket, the outbox or the time, then does what there is. */
static void take_turn(struct xmpp_connection *xmpp) {
    struct xmpp_stream *stream = &xmpp->stream;
    int patience = xmpp_stream_patience_ms(stream);
    struct pollfd ready[] = {
        xmpp_stream_await(stream),
        {.fd = xmpp->outbox.wake_fd, .events = POLLIN},
    };
    pthread_mutex_unlock(&xmpp->library);
    poll(ready, array_size(ready), patience);
    pthread_mutex_lock(&xmpp->library);
    xmpp_stream_woken(stream, ready[0].revents);
    if (ready[1].revents)
        carrier_outbox_woken(&xmpp->outbox);
    if (xmpp->is_closing && stream->phase == XMPP_UP)
        xmpp_stream_close(stream);
    xmpp_stream_say_what_waits(stream);
    xmpp_stream_run(stream);
    if (xmpp->has_frames) {
        xmpp->has_frames = false;
        pthread_mutex_unlock(&xmpp->library);
        shell_serve(xmpp->shell);
        pthread_mutex_lock(&xmpp->library);
    }
}

/* One connection, from the first packet to the last. */
static void serve(struct xmpp_connection *xmpp) {
    struct xmpp_stream *stream = &xmpp->stream;
    bool is_probe = xmpp->purpose == FAILOVER_PROBE;
    xmpp_stream_find(stream);
    pthread_mutex_lock(&xmpp->library);
    xmpp_stream_begin(stream, is_probe ? stream->account.probe_jid : stream->account.jid);
    while (stream->phase != XMPP_DOWN)
        take_turn(xmpp);
    xmpp_stream_end(stream);
    pthread_mutex_unlock(&xmpp->library);
}

static void report(struct xmpp_connection *xmpp) {
    auto_clean(text_deinit) struct text why = {0};
    const struct xmpp_account *account = &xmpp->stream.account;
    const struct xmpp_cause *cause = &xmpp->stream.cause;
    if (xmpp->is_closing)
        return;
    carrier_on_fault(&xmpp->line, xmpp_cause_what(cause), xmpp_cause_remedy(cause));
    xmpp_stream_report(&xmpp->stream, &why);
    if (why.length)
        shell_log(xmpp->shell, cause->kind == XMPP_CAUSE_LOST ? LOG_WARNING : LOG_ERROR,
                  "disconnected", "link=%u jid=%s server=%s:%u %s", xmpp->link, account->jid,
                  xmpp_account_host(account), account->port, text_data(&why));
}

static void await_order(struct xmpp_connection *xmpp) {
    struct pollfd wake = {.fd = xmpp->outbox.wake_fd, .events = POLLIN};
    while (!xmpp->is_stopping && xmpp->purpose == FAILOVER_NOTHING)
        if (poll(&wake, 1, -1) == 1)
            carrier_outbox_woken(&xmpp->outbox);
}

static void *run(void *argument) {
    struct xmpp_connection *xmpp = argument;
    while (await_order(xmpp), !xmpp->is_stopping) {
        serve(xmpp);
        report(xmpp);
        xmpp->purpose = FAILOVER_NOTHING;
        bool is_conflict = xmpp->stream.cause.kind == XMPP_CAUSE_CONFLICT;
        carrier_on_down(&xmpp->line, is_conflict ? FAILOVER_CONFLICT : FAILOVER_BROKEN);
    }
    return NULL;
}

/* ---- from outside ---- */

static struct xmpp_connection *connection_of(struct carrier_line *line) {
    return container_of(line, struct xmpp_connection, line);
}

static void copy_peers(struct xmpp_connection *xmpp, const char *const *peers, size_t count) {
    map_init(&xmpp->peers_by_jid, (uintptr_t)xmpp);
    xmpp->peers = memory_new(count, sizeof(*xmpp->peers));
    for (size_t i = 0; i < count; i++) {
        if (map_get(&xmpp->peers_by_jid, peers[i]))
            continue;
        struct xmpp_peer *peer = &xmpp->peers[xmpp->peers_count++];
        peer->jid = memory_text(peers[i]);
        map_put(&xmpp->peers_by_jid, peer->jid, peer);
    }
}

static struct xmpp_connection *copy_settings(const struct carrier_line_settings *settings) {
    struct xmpp_connection *xmpp = memory_new(1, sizeof(*xmpp));
    unsigned seconds = settings->handshake_seconds, ping_seconds = settings->ping_seconds;
    xmpp->line = settings->line;
    xmpp->shell = settings->shell;
    xmpp->link = settings->link;
    xmpp->software = memory_text(settings->software ? settings->software : ISTHMUS_VERSION);
    xmpp->stream = (struct xmpp_stream){
        .hooks = &hooks,
        .user = xmpp,
        .outbox = &xmpp->outbox,
        .handshake_ms = 1000 * (int)(seconds ? seconds : handshake_default_seconds),
        .ping_ms = 1000 * (uint64_t)(ping_seconds ? ping_seconds : ping_default_seconds)};
    copy_peers(xmpp, settings->peers, settings->peers_count);
    return xmpp;
}

static void free_settings(struct xmpp_connection *xmpp) {
    map_deinit(&xmpp->peers_by_jid);
    for (size_t i = 0; i < xmpp->peers_count; i++)
        memory_free(xmpp->peers[i].jid);
    memory_free(xmpp->peers);
    memory_free(xmpp->software);
    memory_free(xmpp);
}

static struct carrier_line *make(const struct carrier_line_settings *settings,
                                 struct error *err) {
    if (xmpp_check(settings->endpoint, settings->peers, settings->peers_count, err) < 0)
        return NULL;
    struct xmpp_connection *xmpp = copy_settings(settings);
    xmpp->library = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    if (carrier_outbox_init(&xmpp->outbox, err) < 0)
        goto no_outbox;
    if (xmpp_stream_init(&xmpp->stream, settings->endpoint, &xmpp->is_closing, err) < 0)
        goto no_stream;
    if (carrier_thread_start(&xmpp->thread, run, xmpp, err) == 0)
        return &xmpp->line;
    xmpp_stream_deinit(&xmpp->stream);
no_stream:
    carrier_outbox_deinit(&xmpp->outbox);
no_outbox:
    free_settings(xmpp);
    return NULL;
}

static void open_line(struct carrier_line *line, enum failover_want purpose) {
    struct xmpp_connection *xmpp = connection_of(line);
    xmpp->is_closing = false;
    xmpp->purpose = (int)purpose;
    carrier_outbox_wake(&xmpp->outbox);
}

static void close_line(struct carrier_line *line) {
    struct xmpp_connection *xmpp = connection_of(line);
    xmpp->is_closing = true;
    carrier_watchdog_cut(&xmpp->stream.watchdog);
    carrier_outbox_wake(&xmpp->outbox);
}

static enum carrier_sent send_frame(struct carrier_line *line, const char *address,
                                    const char *bytes, size_t length) {
    auto_clean(text_deinit) struct text stanza = {0};
    if (length > limit_frame_hard || !xmpp_write_frame(&stanza, address, bytes, length) ||
        !carrier_outbox_add(&connection_of(line)->outbox, &stanza))
        return CARRIER_DROPPED;
    return CARRIER_SENT;
}

/* True: nothing is left of it for the thread, and nothing came in that its poll will not show. */
static bool write_out(struct xmpp_stream *stream) {
    if (stream->phase != XMPP_UP || xmpp_conn_send_queue_len(stream->connection) > 0)
        return false;
    xmpp_stream_say_what_waits(stream);
    xmpp_run_once(stream->context, 0);
    return stream->phase == XMPP_UP && xmpp_conn_send_queue_len(stream->connection) == 0 &&
           carrier_socket_bytes_read(stream->watchdog.socket) == stream->bytes_read;
}

static void flush(struct carrier_line *line) {
    struct xmpp_connection *xmpp = connection_of(line);
    if (carrier_outbox_is_empty(&xmpp->outbox))
        return;
    bool is_done = false;
    if (pthread_mutex_trylock(&xmpp->library) == 0) {
        is_done = write_out(&xmpp->stream);
        pthread_mutex_unlock(&xmpp->library);
    }
    if (!is_done)
        carrier_outbox_wake(&xmpp->outbox);
}

static void free_line(struct carrier_line *line) {
    struct xmpp_connection *xmpp = connection_of(line);
    xmpp->is_stopping = true;
    close_line(line);
    pthread_join(xmpp->thread, NULL);
    xmpp_stream_deinit(&xmpp->stream);
    carrier_outbox_deinit(&xmpp->outbox);
    pthread_mutex_destroy(&xmpp->library);
    free_settings(xmpp);
}

const struct carrier_kind xmpp_kind = {
    .name = "xmpp",
    .prepare = xmpp_prepare,
    .make = make,
    .open = open_line,
    .close = close_line,
    .send = send_frame,
    .flush = flush,
    .free = free_line,
};
