/* Three rooms beside this one know nothing of libstrophe: xmpp_write (what we say), xmpp_outbox
 * (what waits to be said) and xmpp_watchdog (cuts a stuck handshake); xmpp_cause puts a failure
 * into words. Here: the connection, its thread, and what comes in.
 *
 *           connect          CONNECT            stop                     DISCONNECT
 *   DOWN ------------> CONNECTING ------> UP ----------> CLOSING ------------------> DOWN
 *     ^                    |               |
 *     '--- back-off -------'---------------'   DISCONNECT, at any time
 */
#include "io/xmpp.h"

#include <errno.h>
#include <linux/sockios.h> /* SIOCOUTQ */
#include <linux/tcp.h> /* struct tcp_info with tcpi_bytes_received */
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strophe.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/prng.h"
#include "io/xmpp_cause.h"
#include "io/xmpp_outbox.h"
#include "io/xmpp_watchdog.h"
#include "io/xmpp_write.h"
#include "message/limits.h"

enum {
    handshake_default_seconds = 15,
    closing_ms = 1500,
    retry_first_ms = 200,
    retry_last_ms = 30000,
    conflict_ms = 30000,
    strophe_timers_ms = 250, /* how often its own time-outs are looked at */
    ping_default_seconds = 30,
    ping_ticks = 4, /* thirds of ping_seconds without a byte: the first one is not a whole one */
    dead_ticks = 6,
    reads_per_record = 4, /* libstrophe takes 4 KiB at a time out of a TLS record of 16 */
};

enum phase { PHASE_DOWN, PHASE_CONNECTING, PHASE_UP, PHASE_CLOSING };

struct peer {
    char *jid;
    bool is_answered; /* has had our presence since its own last came */
};

struct xmpp {
    uint32_t link;
    char *jid, *password, *host, *ca_file, *software, *domain;
    uint16_t port;
    int handshake_ms;
    time_t tick_seconds;
    struct shell *shell;
    pthread_t thread;
    atomic_bool is_stopping;
    struct xmpp_outbox outbox;
    struct xmpp_watchdog watchdog;

    /* the thread's own */
    enum phase phase;
    xmpp_ctx_t *context;
    xmpp_conn_t *connection;
    xmpp_log_t log;
    short events;  /* to wait for on the socket */
    uint64_t bytes_read;
    int quiet_turns; /* since a byte was read */
    int idle_ticks;  /* likewise */
    int tick_fd;
    bool has_frames; /* that wait to be served */
    unsigned attempts;
    struct prng jitter;
    struct xmpp_cause cause, reported;
    struct peer *peers;
    size_t peers_count;
    struct map peers_by_jid;
};

/* libstrophe gives two of its callbacks a connection and no user data; a connection has a thread
 * of its own, so the thread knows whose it is. Set once, when the thread starts. */
static _Thread_local struct xmpp *this_thread;

void xmpp_link_prepare(void) {
    setenv("SSL_CERT_FILE", "/dev/null", 1);
    setenv("SSL_CERT_DIR", "/nonexistent", 1);
}

static bool is_prepared(void) {
    const char *file = getenv("SSL_CERT_FILE"), *folder = getenv("SSL_CERT_DIR");
    return file && folder && text_equal(file, "/dev/null") && text_equal(folder, "/nonexistent");
}

/* ---- going out: from the connection's thread, inside CONNECT..DISCONNECT ---- */

/* Has the socket room for all of it, so that the library cannot get stuck in it? */
static bool goes_at_once(const struct xmpp *xmpp, size_t length) {
    enum { room = 8192 }; /* the smallest buffer has 16 KiB; half of it is for what is around */
    int waiting = room;
    return xmpp_conn_send_queue_len(xmpp->connection) == 0 &&
           ioctl(xmpp->watchdog.socket, SIOCOUTQ, &waiting) == 0 &&
           (size_t)waiting + length <= room;
}

/* libstrophe does not count what it has begun to send, so one cannot see that it is stuck in it.
 * The space (RFC 6120, 4.6.1) after it is counted, and may itself be late without harm. */
static void say(struct xmpp *xmpp, const struct text *stanzas) {
    if (!stanzas->length)
        return;
    bool is_alone = goes_at_once(xmpp, stanzas->length);
    xmpp_send_raw(xmpp->connection, stanzas->data, stanzas->length);
    if (!is_alone)
        xmpp_send_raw(xmpp->connection, " ", 1);
}

static void say_presence(struct xmpp *xmpp, enum xmpp_write_presence presence, const char *to) {
    auto_clean(text_deinit) struct text stanza = {0};
    xmpp_write_presence(&stanza, presence, to);
    say(xmpp, &stanza);
}

static void tell_presence(struct xmpp *xmpp, enum event_kind kind, const char *address,
                          enum presence presence) {
    struct event event = {
        .kind = kind,
        .presence = {.link = xmpp->link, .address = address, .presence = presence},
    };
    shell_post(xmpp->shell, &event);
}

/* ---- coming in ---- */

static bool is_full_jid(const char *jid) {
    const char *at = jid ? strchr(jid, '@') : NULL;
    const char *slash = jid ? strchr(jid, '/') : NULL;
    return at && slash && at > jid && slash > at + 1 && slash[1] &&
           strlen(jid) < limit_address_size;
}

static int on_message(xmpp_conn_t *connection, xmpp_stanza_t *stanza, void *user) {
    (void)connection;
    struct xmpp *xmpp = user;
    const char *from = xmpp_stanza_get_from(stanza), *type = xmpp_stanza_get_type(stanza);
    if (!is_full_jid(from) || !type)
        return 1;
    if (text_equal(type, "error")) {
        tell_presence(xmpp, EVENT_PEER, from, PRESENCE_DOWN);
        return 1;
    }
    xmpp_stanza_t *frame =
        xmpp_stanza_get_child_by_name_and_ns(stanza, "frame", xmpp_write_namespace);
    if (!text_equal(type, "headline") || !frame)
        return 1;
    char *bytes = xmpp_stanza_get_text(frame);
    size_t length = bytes ? strlen(bytes) : 0;
    if (length > limit_frame_hard)
        shell_log(xmpp->shell, LOG_WARNING, "frame-refused",
                  "link=%u from=%s bytes=%zu limit=%d", xmpp->link, from, length,
                  limit_frame_hard);
    else if (length) {
        shell_post_bytes(xmpp->shell, xmpp->link, from, bytes, length);
        xmpp->has_frames = true;
    }
    if (bytes)
        xmpp_free(xmpp->context, bytes);
    return 1;
}

/* A peer that came after our own first presence has not seen it: it is sent again, once. */
static void answer_presence(struct xmpp *xmpp, const char *from, enum presence presence) {
    struct peer *peer = map_get(&xmpp->peers_by_jid, from);
    if (!peer)
        return;
    if (presence == PRESENCE_UP && !peer->is_answered)
        say_presence(xmpp, XMPP_WRITE_AVAILABLE, from);
    peer->is_answered = presence == PRESENCE_UP;
}

static int on_presence(xmpp_conn_t *connection, xmpp_stanza_t *stanza, void *user) {
    (void)connection;
    struct xmpp *xmpp = user;
    const char *from = xmpp_stanza_get_from(stanza), *type = xmpp_stanza_get_type(stanza);
    if (from && type && text_equal(type, "subscribe")) {
        say_presence(xmpp, XMPP_WRITE_UNSUBSCRIBED, from);
        return 1;
    }
    bool is_down = type && (text_equal(type, "unavailable") || text_equal(type, "error"));
    if (!is_full_jid(from) || text_equal(from, xmpp->jid) || (type && !is_down))
        return 1;
    enum presence presence = is_down ? PRESENCE_DOWN : PRESENCE_UP;
    answer_presence(xmpp, from, presence);
    tell_presence(xmpp, EVENT_PEER, from, presence);
    return 1;
}

static bool asks_for(xmpp_stanza_t *iq, const char *name, const char *namespace) {
    return xmpp_stanza_get_child_by_name_and_ns(iq, name, namespace) != NULL;
}

static int on_iq(xmpp_conn_t *connection, xmpp_stanza_t *iq, void *user) {
    (void)connection;
    struct xmpp *xmpp = user;
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
    struct xmpp *xmpp = this_thread;
    int fd = *(int *)socket;
    static const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, 30},      {IPPROTO_TCP, TCP_KEEPINTVL, 10},
        {IPPROTO_TCP, TCP_KEEPCNT, 3},        {IPPROTO_TCP, TCP_USER_TIMEOUT, 20000},
    };
    for (size_t i = 0; i < array_size(options); i++)
        (void)setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
    xmpp->events = POLLIN | POLLOUT;
    return xmpp_watchdog_follow(&xmpp->watchdog, fd) ? 0 : -1;
}

static int on_bad_certificate(const xmpp_tlscert_t *certificate, const char *reason) {
    (void)certificate;
    xmpp_cause_set(&this_thread->cause, XMPP_CAUSE_CERTIFICATE, reason);
    return 0;
}

/* Why an attempt failed is said by libstrophe in its debug log alone. */
static void on_log(void *user, xmpp_log_level_t level, const char *area, const char *line) {
    (void)level, (void)area;
    struct xmpp *xmpp = user;
    xmpp_cause_read(&xmpp->cause, line);
}

static void on_up(struct xmpp *xmpp) {
    xmpp_watchdog_disarm(&xmpp->watchdog);
    xmpp->phase = PHASE_UP;
    xmpp->log.handler = NULL; /* or each stanza would be printed for nobody */
    xmpp->idle_ticks = 0;
    xmpp->cause = xmpp->reported = (struct xmpp_cause){0};
    xmpp_handler_add(xmpp->connection, on_message, NULL, "message", NULL, xmpp);
    xmpp_handler_add(xmpp->connection, on_presence, NULL, "presence", NULL, xmpp);
    xmpp_handler_add(xmpp->connection, on_iq, NULL, "iq", NULL, xmpp);
    auto_clean(text_deinit) struct text stanzas = {0};
    xmpp_write_presence(&stanzas, XMPP_WRITE_INITIAL, NULL);
    for (size_t i = 0; i < xmpp->peers_count; i++) {
        xmpp->peers[i].is_answered = false;
        xmpp_write_presence(&stanzas, XMPP_WRITE_AVAILABLE, xmpp->peers[i].jid);
    }
    say(xmpp, &stanzas);
    xmpp_outbox_open(&xmpp->outbox);
    shell_log(xmpp->shell, LOG_INFO, "connected", "link=%u jid=%s", xmpp->link, xmpp->jid);
    tell_presence(xmpp, EVENT_LINK, NULL, PRESENCE_UP);
}

static void on_down(struct xmpp *xmpp, const xmpp_stream_error_t *error) {
    if (error && error->type == XMPP_SE_CONFLICT)
        xmpp_cause_set(&xmpp->cause, XMPP_CAUSE_CONFLICT, error->text);
    else if (error && error->type == XMPP_SE_HOST_UNKNOWN)
        xmpp_cause_set(&xmpp->cause, XMPP_CAUSE_DOMAIN, error->text);
    else if (error)
        xmpp_cause_set(&xmpp->cause, XMPP_CAUSE_SERVER, error->text);
    bool was_up = xmpp->phase == PHASE_UP || xmpp->phase == PHASE_CLOSING;
    xmpp_outbox_close(&xmpp->outbox);
    if (xmpp_watchdog_disarm(&xmpp->watchdog))
        xmpp_cause_set(&xmpp->cause, XMPP_CAUSE_SILENT, NULL);
    xmpp_cause_set(&xmpp->cause, XMPP_CAUSE_LOST, NULL);
    xmpp_watchdog_forget(&xmpp->watchdog);
    xmpp->phase = PHASE_DOWN;
    if (was_up)
        tell_presence(xmpp, EVENT_LINK, NULL, PRESENCE_DOWN);
}

static void on_connection(xmpp_conn_t *connection, xmpp_conn_event_t event, int error,
                          xmpp_stream_error_t *stream_error, void *user) {
    (void)connection, (void)error;
    if (event == XMPP_CONN_CONNECT)
        on_up(user);
    else if (event != XMPP_CONN_RAW_CONNECT)
        on_down(user, stream_error);
}

static void on_tick(struct xmpp *xmpp) {
    uint64_t ticks;
    if (read(xmpp->tick_fd, &ticks, sizeof(ticks)) < 0 || xmpp->phase != PHASE_UP)
        return;
    xmpp->attempts = 0; /* it has lasted */
    xmpp->idle_ticks++;
    auto_clean(text_deinit) struct text ping = {0};
    if (xmpp->idle_ticks == ping_ticks) {
        xmpp_write_ping(&ping, xmpp->domain);
        say(xmpp, &ping);
    } else if (xmpp->idle_ticks >= dead_ticks) {
        xmpp_cause_set(&xmpp->cause, XMPP_CAUSE_DEAD, NULL);
        shutdown(xmpp->watchdog.socket, SHUT_RDWR);
    }
}

static void begin_closing(struct xmpp *xmpp) {
    xmpp_outbox_close(&xmpp->outbox);
    say_presence(xmpp, XMPP_WRITE_UNAVAILABLE, NULL);
    xmpp->phase = PHASE_CLOSING;
    xmpp_disconnect(xmpp->connection);
    xmpp_watchdog_arm(&xmpp->watchdog, closing_ms);
}

/* What libstrophe has read from the socket so far. */
static uint64_t bytes_read(int fd) {
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);
    int waiting = 0;
    (void)getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size);
    (void)ioctl(fd, FIONREAD, &waiting);
    uint64_t received = info.tcpi_bytes_received;
    return received - (uint64_t)waiting;
}

/* Runs libstrophe. What it left inside TLS no descriptor shows, and it may read what came after
 * our poll; so after each byte read it runs as often as the rest of a record can take. */
static void run_library(struct xmpp *xmpp) {
    xmpp_run_once(xmpp->context, 0);
    uint64_t bytes = bytes_read(xmpp->watchdog.socket);
    xmpp->quiet_turns++;
    if (bytes == xmpp->bytes_read)
        return;
    xmpp->idle_ticks = 0;
    for (int i = 0; i < reads_per_record && xmpp->phase != PHASE_DOWN; i++)
        xmpp_run_once(xmpp->context, 0);
    xmpp->bytes_read = bytes_read(xmpp->watchdog.socket);
    xmpp->quiet_turns = xmpp->bytes_read == bytes ? reads_per_record : 0;
}

static int patience_ms(const struct xmpp *xmpp) {
    if (xmpp->quiet_turns < reads_per_record)
        return 0;
    return xmpp->phase == PHASE_UP ? -1 : strophe_timers_ms;
}

/* Waits for the socket, the outbox or the tick, then does what there is to do. */
static void take_turn(struct xmpp *xmpp) {
    bool is_sending = xmpp_conn_send_queue_len(xmpp->connection) > 0;
    struct pollfd ready[] = {
        {.fd = xmpp->watchdog.socket,
         .events = (short)(xmpp->events | (is_sending ? POLLOUT : 0))},
        {.fd = xmpp->outbox.wake_fd, .events = POLLIN},
        {.fd = xmpp->tick_fd, .events = POLLIN},
    };
    poll(ready, array_size(ready), patience_ms(xmpp));
    if (ready[0].revents)
        xmpp->quiet_turns = 0;
    if (ready[0].revents & POLLOUT)
        xmpp->events = POLLIN; /* TCP is there */
    if (ready[1].revents)
        xmpp_outbox_woken(&xmpp->outbox);
    if (ready[2].revents)
        on_tick(xmpp);
    if (xmpp->is_stopping && xmpp->phase == PHASE_UP)
        begin_closing(xmpp);
    if (xmpp->phase == PHASE_UP && !is_sending) {
        auto_clean(text_deinit) struct text stanzas = {0};
        xmpp_outbox_take(&xmpp->outbox, &stanzas);
        say(xmpp, &stanzas);
    }
    run_library(xmpp);
    if (xmpp->has_frames) {
        xmpp->has_frames = false;
        shell_serve(xmpp->shell);
    }
}

/* One connection, from the first packet to the last. */
static void serve(struct xmpp *xmpp) {
    xmpp->log = (xmpp_log_t){.handler = on_log, .userdata = xmpp};
    xmpp->context = xmpp_ctx_new(NULL, &xmpp->log);
    xmpp->connection = xmpp_conn_new(xmpp->context);
    xmpp_conn_set_flags(xmpp->connection,
                        XMPP_CONN_FLAG_MANDATORY_TLS | XMPP_CONN_FLAG_DISABLE_SM);
    xmpp_conn_set_jid(xmpp->connection, xmpp->jid);
    xmpp_conn_set_pass(xmpp->connection, xmpp->password);
    xmpp_conn_set_cafile(xmpp->connection, xmpp->ca_file);
    xmpp_conn_set_certfail_handler(xmpp->connection, on_bad_certificate);
    xmpp_conn_set_sockopt_callback(xmpp->connection, on_socket);
    xmpp->cause = (struct xmpp_cause){0};
    xmpp->phase = PHASE_CONNECTING;
    xmpp->quiet_turns = 0;
    xmpp_watchdog_arm(&xmpp->watchdog, xmpp->handshake_ms);
    if (xmpp->is_stopping || xmpp_connect_client(xmpp->connection, xmpp->host, xmpp->port,
                                                 on_connection, xmpp) != XMPP_EOK)
        on_down(xmpp, NULL);
    while (xmpp->phase != PHASE_DOWN)
        take_turn(xmpp);
    xmpp_conn_release(xmpp->connection);
    xmpp_ctx_free(xmpp->context);
}

/* A cause is told once, not at each of its repeats. */
static void report(struct xmpp *xmpp) {
    if (xmpp->is_stopping || xmpp_cause_is_equal(&xmpp->cause, &xmpp->reported))
        return;
    xmpp->reported = xmpp->cause;
    auto_clean(text_deinit) struct text why = {0};
    xmpp_cause_print(&xmpp->cause, &why);
    shell_log(xmpp->shell, xmpp->cause.kind == XMPP_CAUSE_LOST ? LOG_WARNING : LOG_ERROR,
              "disconnected", "link=%u jid=%s server=%s:%u %s", xmpp->link, xmpp->jid,
              xmpp->host ? xmpp->host : xmpp->domain, xmpp->port, text_data(&why));
}

/* Exponential back-off with full jitter, so that the clients of a server that comes back do not
 * come all at once (a login costs it 3 to 5 ms). */
static void wait_before_retry(struct xmpp *xmpp) {
    unsigned doublings = xmpp->attempts < 8 ? xmpp->attempts : 8;
    uint64_t most_ms = (uint64_t)retry_first_ms << doublings;
    int wait_ms = (int)prng_below(&xmpp->jitter, most_ms < retry_last_ms ? most_ms : retry_last_ms);
    if (xmpp->cause.kind == XMPP_CAUSE_CONFLICT)
        wait_ms = conflict_ms + wait_ms;
    xmpp->attempts++;
    struct pollfd wake = {.fd = xmpp->outbox.wake_fd, .events = POLLIN};
    while (!xmpp->is_stopping && poll(&wake, 1, wait_ms) == 1)
        xmpp_outbox_woken(&xmpp->outbox);
}

static void *run(void *argument) {
    struct xmpp *xmpp = argument;
    this_thread = xmpp;
    while (!xmpp->is_stopping) {
        serve(xmpp);
        report(xmpp);
        wait_before_retry(xmpp);
    }
    return NULL;
}

/* ---- from outside ---- */

static int check(const struct xmpp_settings *settings, struct error *err) {
    if (!is_prepared())
        return error_set(err, -EINVAL, "start the XMPP link: xmpp_link_prepare was not called");
    if (!is_full_jid(settings->jid))
        return error_set(err, -EINVAL, "JID \"%s\": write it as account@domain/resource",
                         settings->jid ? settings->jid : "");
    for (size_t i = 0; i < settings->peers_count; i++)
        if (!is_full_jid(settings->peers[i]))
            return error_set(err, -EINVAL, "peer \"%s\": write it as account@domain/resource",
                             settings->peers[i]);
    if (!settings->password || !settings->password[0])
        return error_set(err, -EINVAL, "no password for %s: give the account's", settings->jid);
    const char *ca_file = settings->ca_file ? settings->ca_file : "";
    if (access(ca_file, R_OK) < 0)
        return error_set(err, -errno, "read the certificate authority \"%s\": %s: give a PEM file",
                         ca_file, strerror(errno));
    return 0;
}

static void copy_peers(struct xmpp *xmpp, const struct xmpp_settings *settings, uint64_t seed) {
    map_init(&xmpp->peers_by_jid, seed);
    xmpp->peers = memory_new(settings->peers_count, sizeof(*xmpp->peers));
    for (size_t i = 0; i < settings->peers_count; i++) {
        if (map_get(&xmpp->peers_by_jid, settings->peers[i]))
            continue;
        struct peer *peer = &xmpp->peers[xmpp->peers_count++];
        peer->jid = memory_text(settings->peers[i]);
        map_put(&xmpp->peers_by_jid, peer->jid, peer);
    }
}

static struct xmpp *copy_settings(const struct xmpp_settings *settings, struct shell *shell) {
    struct xmpp *xmpp = memory_new(1, sizeof(*xmpp));
    unsigned seconds = settings->handshake_seconds;
    unsigned ping_seconds = settings->ping_seconds ? settings->ping_seconds : ping_default_seconds;
    xmpp->link = settings->link;
    xmpp->jid = memory_text(settings->jid);
    xmpp->password = memory_text(settings->password);
    xmpp->host = memory_text(settings->host);
    xmpp->ca_file = memory_text(settings->ca_file);
    xmpp->software = memory_text(settings->software ? settings->software : ISTHMUS_VERSION);
    xmpp->domain = memory_text(strchr(settings->jid, '@') + 1);
    *strchr(xmpp->domain, '/') = 0;
    xmpp->port = settings->port ? settings->port : 5222;
    xmpp->handshake_ms = 1000 * (int)(seconds ? seconds : handshake_default_seconds);
    xmpp->tick_seconds = ping_seconds < 3 ? 1 : ping_seconds / 3;
    xmpp->shell = shell;
    uint64_t seed = 0;
    (void)!getrandom(&seed, sizeof(seed), 0);
    prng_init(&xmpp->jitter, seed);
    copy_peers(xmpp, settings, seed);
    return xmpp;
}

static void free_settings(struct xmpp *xmpp) {
    map_deinit(&xmpp->peers_by_jid);
    for (size_t i = 0; i < xmpp->peers_count; i++)
        memory_free(xmpp->peers[i].jid);
    memory_free(xmpp->peers);
    explicit_bzero(xmpp->password, strlen(xmpp->password));
    char *const texts[] = {xmpp->jid,     xmpp->password, xmpp->host,
                           xmpp->ca_file, xmpp->software, xmpp->domain};
    for (size_t i = 0; i < array_size(texts); i++)
        memory_free(texts[i]);
    memory_free(xmpp);
}

static int open_tick(struct xmpp *xmpp, struct error *err) {
    struct itimerspec every = {{xmpp->tick_seconds, 0}, {xmpp->tick_seconds, 0}};
    xmpp->tick_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (xmpp->tick_fd < 0 || timerfd_settime(xmpp->tick_fd, 0, &every, NULL) < 0)
        return error_set(err, -errno, "make a timer for %s: %s", xmpp->jid,
                         strerror(errno));
    return 0;
}

/* The signals are the main thread's: blocked here, and in what this thread starts. SIGPIPE, too:
 * libstrophe writes without MSG_NOSIGNAL. */
static int start_thread(struct xmpp *xmpp, struct error *err) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&xmpp->thread, NULL, run, xmpp);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return error_set(err, -failed, "start a thread for %s: %s", xmpp->jid, strerror(failed));
    return 0;
}

struct xmpp *xmpp_link_new(const struct xmpp_settings *settings, struct shell *shell,
                           struct error *err) {
    if (check(settings, err) < 0)
        return NULL;
    xmpp_initialize();
    struct xmpp *xmpp = copy_settings(settings, shell);
    if (xmpp_outbox_init(&xmpp->outbox, err) < 0)
        goto no_outbox;
    if (xmpp_watchdog_init(&xmpp->watchdog, err) < 0)
        goto no_watchdog;
    if (open_tick(xmpp, err) < 0)
        goto no_tick;
    if (start_thread(xmpp, err) == 0)
        return xmpp;
no_tick:
    if (xmpp->tick_fd >= 0)
        close(xmpp->tick_fd);
    xmpp_watchdog_deinit(&xmpp->watchdog);
no_watchdog:
    xmpp_outbox_deinit(&xmpp->outbox);
no_outbox:
    free_settings(xmpp);
    return NULL;
}

enum xmpp_sent xmpp_link_send(struct xmpp *xmpp, const char *address, const char *bytes,
                              size_t length) {
    auto_clean(text_deinit) struct text stanza = {0};
    if (length > limit_frame_hard || !xmpp_write_frame(&stanza, address, bytes, length) ||
        !xmpp_outbox_add(&xmpp->outbox, &stanza))
        return XMPP_DROPPED;
    return XMPP_SENT;
}

void xmpp_link_free(struct xmpp *xmpp) {
    if (!xmpp)
        return;
    xmpp->is_stopping = true;
    xmpp_watchdog_cut(&xmpp->watchdog);
    xmpp_outbox_wake(&xmpp->outbox);
    pthread_join(xmpp->thread, NULL);
    close(xmpp->tick_fd);
    xmpp_watchdog_deinit(&xmpp->watchdog);
    xmpp_outbox_deinit(&xmpp->outbox);
    free_settings(xmpp);
}
