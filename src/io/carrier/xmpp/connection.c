/* The files beside this one know nothing of libstrophe: check and account (settings), server (its
 * addresses), write (what we say), cause (a failure in words), and in the folder above outbox (what
 * waits to be said) and watchdog (cuts a stuck handshake). Here: the connection and what comes in.
 *
 *            open            CONNECT            close                    DISCONNECT
 *   DOWN ------------> CONNECTING ------> UP ----------> CLOSING ------------------> DOWN
 *     ^                    |               |
 *     '--------------------'---------------'   DISCONNECT, at any time
 */
#include "io/carrier/xmpp/connection.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strophe.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/prng.h"
#include "io/carrier/outbox.h"
#include "io/carrier/socket.h"
#include "io/carrier/thread.h"
#include "io/carrier/watchdog.h"
#include "io/carrier/xmpp/account.h"
#include "io/carrier/xmpp/cause.h"
#include "io/carrier/xmpp/check.h"
#include "io/carrier/xmpp/server.h"
#include "io/carrier/xmpp/write.h"
#include "message/limits.h"

enum {
    handshake_default_seconds = 15,
    closing_ms = 1500,
    strophe_timers_ms = 250, /* how often its own time-outs are looked at */
    ping_default_seconds = 30,
    ping_ticks = 4, /* thirds of ping_seconds without a byte: the first one is not a whole one */
    dead_ticks = 6,
    reads_per_record = 4, /* libstrophe takes 4 KiB at a time out of a TLS record of 16 */
};

enum phase { PHASE_DOWN, PHASE_CONNECTING, PHASE_UP, PHASE_CLOSING };

struct xmpp_peer {
    char *jid;
    bool is_answered; /* has had our presence since its own last came */
};

struct xmpp_connection {
    struct carrier_line line;
    uint32_t link;
    struct xmpp_account account;
    char *software;
    int handshake_ms;
    long tick_ms;
    struct shell *shell;
    pthread_t thread;
    atomic_int purpose; /* enum failover_want: FAILOVER_NOTHING until it is opened */
    atomic_bool is_closing, is_stopping;
    struct carrier_outbox outbox;
    struct carrier_watchdog watchdog;
    struct xmpp_server server; /* of its thread */

    pthread_mutex_t library; /* guards libstrophe's objects and all below */
    enum phase phase;
    xmpp_ctx_t *context;
    xmpp_conn_t *connection;
    xmpp_log_t log;
    short events;  /* to wait for on the socket */
    uint64_t bytes_read;
    int quiet_turns; /* since a byte was read */
    int idle_ticks;  /* since a byte was read */
    int tick_fd;
    struct carrier_seats seats; /* of the socket */
    bool has_frames; /* that wait to be served */
    struct xmpp_cause cause, reported;
    struct xmpp_peer *peers;
    size_t peers_count;
    struct map peers_by_jid;
};

/* libstrophe gives two of its callbacks a connection and no user data; a connection has a thread
 * of its own, so the thread knows whose it is. Set once, when the thread starts. */
static _Thread_local struct xmpp_connection *this_thread;

/* ---- going out: by whoever has the library, inside CONNECT..DISCONNECT ---- */

/* libstrophe does not count what it has begun to send, so one cannot see that it is stuck in it.
 * The space (RFC 6120, 4.6.1) after it is counted, and may itself be late without harm. */
static void say(struct xmpp_connection *xmpp, const struct text *stanzas) {
    if (!stanzas->length)
        return;
    bool is_alone = xmpp_conn_send_queue_len(xmpp->connection) == 0 &&
                    carrier_socket_has_room(xmpp->watchdog.socket, stanzas->length);
    xmpp_send_raw(xmpp->connection, stanzas->data, stanzas->length);
    if (!is_alone)
        xmpp_send_raw(xmpp->connection, " ", 1);
}

static void say_presence(struct xmpp_connection *xmpp, enum xmpp_write_presence presence,
                         const char *to) {
    auto_clean(text_deinit) struct text stanza = {0};
    xmpp_write_presence(&stanza, presence, to);
    say(xmpp, &stanza);
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
        xmpp_free(xmpp->context, bytes);
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
    if (!xmpp_is_full_jid(from) || text_equal(from, xmpp->account.jid) || (type && !is_down))
        return 1;
    enum presence presence = is_down ? PRESENCE_DOWN : PRESENCE_UP;
    answer_presence(xmpp, from, presence);
    carrier_on_peer(&xmpp->line, from, presence);
    return 1;
}

static bool asks_for(xmpp_stanza_t *iq, const char *name, const char *namespace) {
    return xmpp_stanza_get_child_by_name_and_ns(iq, name, namespace) != NULL;
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
    if (is_get && asks_for(iq, "ping", "urn:xmpp:ping"))
        xmpp_write_pong(&answer, id, from);
    else if (is_get && asks_for(iq, "query", XMPP_NS_DISCO_INFO))
        xmpp_write_features(&answer, id, from);
    else if (is_get && asks_for(iq, "query", "jabber:iq:version"))
        xmpp_write_version(&answer, id, from, xmpp->software);
    else
        xmpp_write_refusal(&answer, id, from);
    say(xmpp, &answer);
    return 1;
}

/* ---- the connection's life ---- */

static int on_socket(xmpp_conn_t *connection, void *socket) {
    (void)connection;
    struct xmpp_connection *xmpp = this_thread;
    int fd = carrier_seats_lower(&xmpp->seats, *(int *)socket);
    if (fd < 0) {
        xmpp_cause_set(&xmpp->cause, XMPP_CAUSE_DESCRIPTORS, NULL);
        return -1;
    }
    *(int *)socket = fd;
    carrier_socket_tune(fd);
    xmpp->events = POLLIN | POLLOUT;
    return carrier_watchdog_follow(&xmpp->watchdog, fd) ? 0 : -1;
}

static int on_bad_certificate(const xmpp_tlscert_t *certificate, const char *reason) {
    (void)certificate;
    xmpp_cause_set(&this_thread->cause, XMPP_CAUSE_CERTIFICATE, reason);
    return 0;
}

/* Why an attempt failed is said by libstrophe in its debug log alone. */
static void on_log(void *user, xmpp_log_level_t level, const char *area, const char *line) {
    (void)level, (void)area;
    struct xmpp_connection *xmpp = user;
    xmpp_cause_read(&xmpp->cause, line);
}

/* Our presence to all whom it concerns; frames may follow. */
static void greet(struct xmpp_connection *xmpp) {
    auto_clean(text_deinit) struct text stanzas = {0};
    xmpp_write_presence(&stanzas, XMPP_WRITE_INITIAL, NULL);
    for (size_t i = 0; i < xmpp->peers_count; i++) {
        xmpp->peers[i].is_answered = false;
        xmpp_write_presence(&stanzas, XMPP_WRITE_AVAILABLE, xmpp->peers[i].jid);
    }
    say(xmpp, &stanzas);
    carrier_outbox_open(&xmpp->outbox);
}

static void on_up(struct xmpp_connection *xmpp) {
    carrier_watchdog_disarm(&xmpp->watchdog);
    xmpp->phase = PHASE_UP;
    xmpp->server.address->has_failed = false;
    xmpp->log.handler = NULL; /* or each stanza would be printed for nobody */
    xmpp->idle_ticks = 0;
    xmpp->cause = xmpp->reported = (struct xmpp_cause){0};
    xmpp_handler_add(xmpp->connection, on_message, NULL, "message", NULL, xmpp);
    xmpp_handler_add(xmpp->connection, on_presence, NULL, "presence", NULL, xmpp);
    xmpp_handler_add(xmpp->connection, on_iq, NULL, "iq", NULL, xmpp);
    const struct xmpp_account *account = &xmpp->account;
    bool is_used = xmpp->purpose == FAILOVER_USE;
    if (is_used)
        greet(xmpp);
    shell_log(xmpp->shell, LOG_INFO, is_used ? "connected" : "probing",
              "link=%u jid=%s server=%s:%u address=%s", xmpp->link,
              is_used ? account->jid : account->probe_jid, xmpp_account_host(account),
              account->port, xmpp->server.address->text);
    carrier_on_up(&xmpp->line);
}

static void read_stream_error(struct xmpp_cause *cause, const xmpp_stream_error_t *error) {
    xmpp_stanza_t *condition = error->stanza ? xmpp_stanza_get_children(error->stanza) : NULL;
    const char *name = condition ? xmpp_stanza_get_name(condition) : NULL;
    xmpp_stanza_t *inside = condition ? xmpp_stanza_get_children(condition) : NULL;
    const char *host = inside ? xmpp_stanza_get_text_ptr(inside) : NULL; /* of see-other-host */
    xmpp_cause_read_stream_error(cause, name ? name : "", host ? host : error->text);
}

static void on_down(struct xmpp_connection *xmpp, const xmpp_stream_error_t *error) {
    if (error)
        read_stream_error(&xmpp->cause, error);
    carrier_outbox_close(&xmpp->outbox);
    if (carrier_watchdog_disarm(&xmpp->watchdog))
        xmpp_cause_set(&xmpp->cause, XMPP_CAUSE_SILENT, NULL);
    xmpp_cause_set(&xmpp->cause, XMPP_CAUSE_LOST, NULL);
    carrier_watchdog_forget(&xmpp->watchdog);
    xmpp->phase = PHASE_DOWN;
}

static void on_connection(xmpp_conn_t *connection, xmpp_conn_event_t event, int error,
                          xmpp_stream_error_t *stream_error, void *user) {
    (void)connection, (void)error;
    if (event == XMPP_CONN_CONNECT)
        on_up(user);
    else if (event != XMPP_CONN_RAW_CONNECT)
        on_down(user, stream_error);
}

static void on_tick(struct xmpp_connection *xmpp) {
    uint64_t ticks;
    if (read(xmpp->tick_fd, &ticks, sizeof(ticks)) < 0 || xmpp->phase != PHASE_UP)
        return;
    xmpp->idle_ticks++;
    auto_clean(text_deinit) struct text ping = {0};
    if (xmpp->idle_ticks == ping_ticks) {
        xmpp_write_ping(&ping, xmpp->account.domain);
        say(xmpp, &ping);
    } else if (xmpp->idle_ticks >= dead_ticks) {
        xmpp_cause_set(&xmpp->cause, XMPP_CAUSE_DEAD, NULL);
        shutdown(xmpp->watchdog.socket, SHUT_RDWR);
    }
}

static void begin_closing(struct xmpp_connection *xmpp) {
    carrier_outbox_close(&xmpp->outbox);
    say_presence(xmpp, XMPP_WRITE_UNAVAILABLE, NULL);
    xmpp->phase = PHASE_CLOSING;
    xmpp_disconnect(xmpp->connection);
    carrier_watchdog_arm(&xmpp->watchdog, closing_ms);
}

/* Runs libstrophe. What it left inside TLS no descriptor shows, and it may read what came after
 * our poll; so after each byte read it runs as often as the rest of a record can take. */
static void run_library(struct xmpp_connection *xmpp) {
    xmpp_run_once(xmpp->context, 0);
    uint64_t bytes = carrier_socket_bytes_read(xmpp->watchdog.socket);
    xmpp->quiet_turns++;
    if (bytes == xmpp->bytes_read)
        return;
    xmpp->idle_ticks = 0;
    for (int i = 0; i < reads_per_record && xmpp->phase != PHASE_DOWN; i++)
        xmpp_run_once(xmpp->context, 0);
    xmpp->bytes_read = carrier_socket_bytes_read(xmpp->watchdog.socket);
    xmpp->quiet_turns = xmpp->bytes_read == bytes ? reads_per_record : 0;
}

static int patience_ms(const struct xmpp_connection *xmpp) {
    if (xmpp->quiet_turns < reads_per_record)
        return 0;
    return xmpp->phase == PHASE_UP ? -1 : strophe_timers_ms;
}

static void say_what_waits(struct xmpp_connection *xmpp) {
    auto_clean(text_deinit) struct text stanzas = {0};
    if (xmpp->phase != PHASE_UP || xmpp_conn_send_queue_len(xmpp->connection) > 0)
        return;
    carrier_outbox_take(&xmpp->outbox, &stanzas);
    say(xmpp, &stanzas);
}

/* Waits without the library for the socket, the outbox or the tick, then does what there is. */
static void take_turn(struct xmpp_connection *xmpp) {
    bool is_sending = xmpp_conn_send_queue_len(xmpp->connection) > 0;
    struct pollfd ready[] = {
        {.fd = xmpp->watchdog.socket,
         .events = (short)(xmpp->events | (is_sending ? POLLOUT : 0))},
        {.fd = xmpp->outbox.wake_fd, .events = POLLIN},
        {.fd = xmpp->tick_fd, .events = POLLIN},
    };
    int patience = patience_ms(xmpp);
    pthread_mutex_unlock(&xmpp->library);
    poll(ready, array_size(ready), patience);
    pthread_mutex_lock(&xmpp->library);
    if (ready[0].revents)
        xmpp->quiet_turns = 0;
    if (ready[0].revents & POLLOUT)
        xmpp->events = POLLIN; /* TCP is there */
    if (ready[1].revents)
        carrier_outbox_woken(&xmpp->outbox);
    if (ready[2].revents)
        on_tick(xmpp);
    if (xmpp->is_closing && xmpp->phase == PHASE_UP)
        begin_closing(xmpp);
    say_what_waits(xmpp);
    run_library(xmpp);
    if (xmpp->has_frames) {
        xmpp->has_frames = false;
        pthread_mutex_unlock(&xmpp->library);
        shell_serve(xmpp->shell);
        pthread_mutex_lock(&xmpp->library);
    }
}

static void make_connection(struct xmpp_connection *xmpp) {
    const struct xmpp_account *account = &xmpp->account;
    xmpp->log = (xmpp_log_t){.handler = on_log, .userdata = xmpp};
    xmpp->context = xmpp_ctx_new(NULL, &xmpp->log);
    xmpp->connection = xmpp_conn_new(xmpp->context);
    xmpp_conn_set_flags(xmpp->connection,
                        XMPP_CONN_FLAG_MANDATORY_TLS | XMPP_CONN_FLAG_DISABLE_SM);
    xmpp_conn_set_jid(xmpp->connection,
                      xmpp->purpose == FAILOVER_PROBE ? account->probe_jid : account->jid);
    if (account->password)
        xmpp_conn_set_pass(xmpp->connection, account->password);
    if (account->certificate_file)
        xmpp_conn_set_client_cert(xmpp->connection, account->certificate_file, account->key_file);
    xmpp_conn_set_cafile(xmpp->connection, account->ca_file);
    xmpp_conn_set_certfail_handler(xmpp->connection, on_bad_certificate);
    xmpp_conn_set_sockopt_callback(xmpp->connection, on_socket);
}

/* One connection, from the first packet to the last. */
static void serve(struct xmpp_connection *xmpp) {
    xmpp->cause = (struct xmpp_cause){0};
    xmpp_server_find(&xmpp->server, &xmpp->cause);
    const struct resolve_address *at = xmpp->server.address; /* NULL: none */
    pthread_mutex_lock(&xmpp->library);
    make_connection(xmpp);
    xmpp->phase = PHASE_CONNECTING;
    xmpp->quiet_turns = 0;
    carrier_watchdog_arm(&xmpp->watchdog, xmpp->handshake_ms);
    if (xmpp->is_closing || !at ||
        xmpp_connect_client(xmpp->connection, at->text, at->port, on_connection, xmpp) != XMPP_EOK)
        on_down(xmpp, NULL);
    while (xmpp->phase != PHASE_DOWN)
        take_turn(xmpp);
    xmpp_conn_release(xmpp->connection);
    xmpp_ctx_free(xmpp->context);
    carrier_seats_take(&xmpp->seats);
    pthread_mutex_unlock(&xmpp->library);
}

/* A cause is told once, not at each of its repeats. */
static void report(struct xmpp_connection *xmpp) {
    if (!xmpp->is_closing)
        carrier_on_fault(&xmpp->line, xmpp_cause_what(&xmpp->cause),
                         xmpp_cause_remedy(&xmpp->cause));
    if (xmpp->is_closing || xmpp_cause_is_equal(&xmpp->cause, &xmpp->reported))
        return;
    xmpp->reported = xmpp->cause;
    auto_clean(text_deinit) struct text why = {0};
    xmpp_cause_print(&xmpp->cause, &why);
    shell_log(xmpp->shell, xmpp->cause.kind == XMPP_CAUSE_LOST ? LOG_WARNING : LOG_ERROR,
              "disconnected", "link=%u jid=%s server=%s:%u %s", xmpp->link, xmpp->account.jid,
              xmpp_account_host(&xmpp->account), xmpp->account.port, text_data(&why));
}

static void await_order(struct xmpp_connection *xmpp) {
    struct pollfd wake = {.fd = xmpp->outbox.wake_fd, .events = POLLIN};
    while (!xmpp->is_stopping && xmpp->purpose == FAILOVER_NOTHING)
        if (poll(&wake, 1, -1) == 1)
            carrier_outbox_woken(&xmpp->outbox);
}

static void *run(void *argument) {
    struct xmpp_connection *xmpp = argument;
    this_thread = xmpp;
    while (await_order(xmpp), !xmpp->is_stopping) {
        serve(xmpp);
        report(xmpp);
        xmpp->purpose = FAILOVER_NOTHING;
        carrier_on_down(&xmpp->line, xmpp->cause.kind == XMPP_CAUSE_CONFLICT ? FAILOVER_CONFLICT
                                                                             : FAILOVER_BROKEN);
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
    xmpp_account_init(&xmpp->account, settings->endpoint);
    xmpp->handshake_ms = 1000 * (int)(seconds ? seconds : handshake_default_seconds);
    xmpp->server = (struct xmpp_server){
        .account = &xmpp->account, .time_ms = xmpp->handshake_ms / 2, .cancel = &xmpp->is_closing};
    xmpp->tick_ms = 1000 * (long)(ping_seconds ? ping_seconds : ping_default_seconds) / 3;
    copy_peers(xmpp, settings->peers, settings->peers_count);
    return xmpp;
}

static void free_settings(struct xmpp_connection *xmpp) {
    map_deinit(&xmpp->peers_by_jid);
    for (size_t i = 0; i < xmpp->peers_count; i++)
        memory_free(xmpp->peers[i].jid);
    memory_free(xmpp->peers);
    xmpp_account_deinit(&xmpp->account);
    memory_free(xmpp->software);
    memory_free(xmpp);
}

static int open_tick(struct xmpp_connection *xmpp, struct error *err) {
    const struct timespec tick = {xmpp->tick_ms / 1000, xmpp->tick_ms % 1000 * 1000000};
    const struct itimerspec every = {tick, tick};
    xmpp->tick_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (xmpp->tick_fd < 0 || timerfd_settime(xmpp->tick_fd, 0, &every, NULL) < 0)
        return error_set(err, -errno, "make a timer for %s: %s", xmpp->account.jid,
                         strerror(errno));
    return 0;
}

static struct carrier_line *make(const struct carrier_line_settings *settings,
                                 struct error *err) {
    if (xmpp_check(settings->endpoint, settings->peers, settings->peers_count, err) < 0)
        return NULL;
    xmpp_initialize();
    struct xmpp_connection *xmpp = copy_settings(settings);
    xmpp->library = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    carrier_seats_init(&xmpp->seats);
    if (carrier_outbox_init(&xmpp->outbox, err) < 0)
        goto no_outbox;
    if (carrier_watchdog_init(&xmpp->watchdog, err) < 0)
        goto no_watchdog;
    if (open_tick(xmpp, err) < 0)
        goto no_tick;
    if (carrier_thread_start(&xmpp->thread, run, xmpp, err) == 0)
        return &xmpp->line;
no_tick:
    if (xmpp->tick_fd >= 0)
        close(xmpp->tick_fd);
    carrier_watchdog_deinit(&xmpp->watchdog);
no_watchdog:
    carrier_outbox_deinit(&xmpp->outbox);
no_outbox:
    carrier_seats_deinit(&xmpp->seats);
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
    carrier_watchdog_cut(&xmpp->watchdog);
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
static bool write_out(struct xmpp_connection *xmpp) {
    if (xmpp->phase != PHASE_UP || xmpp_conn_send_queue_len(xmpp->connection) > 0)
        return false;
    say_what_waits(xmpp);
    xmpp_run_once(xmpp->context, 0);
    return xmpp->phase == PHASE_UP && xmpp_conn_send_queue_len(xmpp->connection) == 0 &&
           carrier_socket_bytes_read(xmpp->watchdog.socket) == xmpp->bytes_read;
}

static void flush(struct carrier_line *line) {
    struct xmpp_connection *xmpp = connection_of(line);
    if (carrier_outbox_is_empty(&xmpp->outbox))
        return;
    bool is_done = false;
    if (pthread_mutex_trylock(&xmpp->library) == 0) {
        is_done = write_out(xmpp);
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
    close(xmpp->tick_fd);
    carrier_seats_deinit(&xmpp->seats);
    carrier_watchdog_deinit(&xmpp->watchdog);
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
