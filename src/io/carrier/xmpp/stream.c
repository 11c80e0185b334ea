/* How libstrophe is driven: when it is called, what it is told, and what its end is worth. */
#include "io/carrier/xmpp/stream.h"

#include <string.h>
#include <sys/socket.h>

#include "base/text.h"
#include "io/carrier/thread.h"
#include "io/carrier/xmpp/write.h"

enum {
    closing_ms = 1500,
    strophe_timers_ms = 250, /* how often its own time-outs are looked at */
    reads_per_record = 4,    /* libstrophe takes 4 KiB at a time out of a TLS record of 16 */
};

/* libstrophe gives two of its callbacks a connection and no user data; a stream has a thread of its
 * own, so the thread knows whose it is. */
static _Thread_local struct xmpp_stream *this_thread;

static int on_socket(xmpp_conn_t *connection, void *socket) {
    (void)connection;
    struct xmpp_stream *stream = this_thread;
    int fd = carrier_seats_lower(&stream->seats, *(int *)socket);
    if (fd < 0) {
        xmpp_cause_set(&stream->cause, XMPP_CAUSE_DESCRIPTORS, NULL);
        return -1;
    }
    *(int *)socket = fd;
    carrier_socket_tune(fd);
    stream->events = POLLIN | POLLOUT;
    return carrier_watchdog_follow(&stream->watchdog, fd) ? 0 : -1;
}

static int on_bad_certificate(const xmpp_tlscert_t *certificate, const char *reason) {
    (void)certificate;
    xmpp_cause_set(&this_thread->cause, XMPP_CAUSE_CERTIFICATE, reason);
    return 0;
}

/* Why an attempt failed is said by libstrophe in its debug log alone. */
static void on_log(void *user, xmpp_log_level_t level, const char *area, const char *line) {
    (void)level, (void)area;
    struct xmpp_stream *stream = user;
    xmpp_cause_read(&stream->cause, line);
}

static void on_up(struct xmpp_stream *stream) {
    const struct xmpp_stream_hooks *hooks = stream->hooks;
    carrier_watchdog_disarm(&stream->watchdog);
    stream->phase = XMPP_UP;
    stream->server.address->has_failed = false;
    stream->log.handler = NULL; /* or each stanza would be printed for nobody */
    stream->heard_ms = carrier_now_ms();
    stream->is_pinged = false;
    stream->cause = stream->reported = (struct xmpp_cause){0};
    xmpp_handler_add(stream->connection, hooks->on_message, NULL, "message", NULL, stream->user);
    xmpp_handler_add(stream->connection, hooks->on_presence, NULL, "presence", NULL, stream->user);
    xmpp_handler_add(stream->connection, hooks->on_iq, NULL, "iq", NULL, stream->user);
    hooks->on_up(stream->user);
}

static void read_stream_error(struct xmpp_cause *cause, const xmpp_stream_error_t *error) {
    xmpp_stanza_t *condition = error->stanza ? xmpp_stanza_get_children(error->stanza) : NULL;
    const char *name = condition ? xmpp_stanza_get_name(condition) : NULL;
    xmpp_stanza_t *inside = condition ? xmpp_stanza_get_children(condition) : NULL;
    const char *host = inside ? xmpp_stanza_get_text_ptr(inside) : NULL; /* of see-other-host */
    xmpp_cause_read_stream_error(cause, name ? name : "", host ? host : error->text);
}

static void on_down(struct xmpp_stream *stream, const xmpp_stream_error_t *error) {
    if (error)
        read_stream_error(&stream->cause, error);
    carrier_outbox_close(stream->outbox);
    if (stream->hooks->on_down)
        stream->hooks->on_down(stream->user);
    if (carrier_watchdog_disarm(&stream->watchdog))
        xmpp_cause_set(&stream->cause, XMPP_CAUSE_SILENT, NULL);
    xmpp_cause_set(&stream->cause, XMPP_CAUSE_LOST, NULL);
    carrier_watchdog_forget(&stream->watchdog);
    stream->phase = XMPP_DOWN;
}

static void on_connection(xmpp_conn_t *connection, xmpp_conn_event_t event, int error,
                          xmpp_stream_error_t *stream_error, void *user) {
    (void)connection, (void)error;
    if (event == XMPP_CONN_CONNECT)
        on_up(user);
    else if (event != XMPP_CONN_RAW_CONNECT)
        on_down(user, stream_error);
}

int xmpp_stream_init(struct xmpp_stream *stream, const struct carrier_endpoint *endpoint,
                     const atomic_bool *cancel, struct error *err) {
    if (carrier_watchdog_init(&stream->watchdog, err) < 0)
        return err->code;
    xmpp_initialize();
    xmpp_account_init(&stream->account, endpoint);
    stream->server = (struct xmpp_server){.account = &stream->account,
                                          .time_ms = stream->handshake_ms / 2,
                                          .cancel = cancel};
    carrier_seats_init(&stream->seats);
    return 0;
}

void xmpp_stream_deinit(struct xmpp_stream *stream) {
    carrier_seats_deinit(&stream->seats);
    carrier_watchdog_deinit(&stream->watchdog);
    xmpp_account_deinit(&stream->account);
}

void xmpp_stream_find(struct xmpp_stream *stream) {
    stream->cause = (struct xmpp_cause){0};
    xmpp_server_find(&stream->server, &stream->cause);
}

static void make_connection(struct xmpp_stream *stream, const char *jid) {
    const struct xmpp_account *account = &stream->account;
    stream->log = (xmpp_log_t){.handler = on_log, .userdata = stream};
    stream->context = xmpp_ctx_new(NULL, &stream->log);
    stream->connection = xmpp_conn_new(stream->context);
    xmpp_conn_set_flags(stream->connection,
                        XMPP_CONN_FLAG_MANDATORY_TLS | XMPP_CONN_FLAG_DISABLE_SM);
    xmpp_conn_set_jid(stream->connection, jid);
    if (account->password)
        xmpp_conn_set_pass(stream->connection, account->password);
    if (account->certificate_file)
        xmpp_conn_set_client_cert(stream->connection, account->certificate_file,
                                  account->key_file);
    xmpp_conn_set_cafile(stream->connection, account->ca_file);
    xmpp_conn_set_certfail_handler(stream->connection, on_bad_certificate);
    xmpp_conn_set_sockopt_callback(stream->connection, on_socket);
}

void xmpp_stream_begin(struct xmpp_stream *stream, const char *jid) {
    const struct resolve_address *at = stream->server.address; /* NULL: none */
    this_thread = stream;
    make_connection(stream, jid);
    stream->phase = XMPP_CONNECTING;
    stream->quiet_turns = 0;
    stream->bytes_read = 0;
    carrier_watchdog_arm(&stream->watchdog, stream->handshake_ms);
    if (*stream->server.cancel || !at ||
        xmpp_connect_client(stream->connection, at->text, at->port, on_connection, stream) !=
            XMPP_EOK)
        on_down(stream, NULL);
}

void xmpp_stream_end(struct xmpp_stream *stream) {
    xmpp_conn_release(stream->connection);
    xmpp_ctx_free(stream->context);
    carrier_seats_take(&stream->seats);
}

struct pollfd xmpp_stream_await(const struct xmpp_stream *stream) {
    bool is_sending = xmpp_conn_send_queue_len(stream->connection) > 0;
    return (struct pollfd){.fd = stream->watchdog.socket,
                           .events = (short)(stream->events | (is_sending ? POLLOUT : 0))};
}

int xmpp_stream_patience_ms(struct xmpp_stream *stream) {
    auto_clean(text_deinit) struct text ping = {0};
    if (stream->quiet_turns < reads_per_record)
        return 0;
    if (stream->phase != XMPP_UP)
        return strophe_timers_ms;
    uint64_t silent_ms = carrier_now_ms() - stream->heard_ms;
    if (silent_ms >= 2 * stream->ping_ms) {
        xmpp_cause_set(&stream->cause, XMPP_CAUSE_DEAD, NULL);
        shutdown(stream->watchdog.socket, SHUT_RDWR);
        return strophe_timers_ms;
    }
    if (silent_ms >= stream->ping_ms && !stream->is_pinged) {
        xmpp_write_ping(&ping, stream->account.domain);
        xmpp_stream_say(stream, &ping);
        stream->is_pinged = true;
    }
    return (int)((stream->is_pinged ? 2 : 1) * stream->ping_ms - silent_ms) + 1;
}

void xmpp_stream_woken(struct xmpp_stream *stream, short events) {
    if (events)
        stream->quiet_turns = 0;
    if (events & POLLOUT)
        stream->events = POLLIN; /* TCP is there */
}

/* What libstrophe left inside TLS no descriptor shows, and it may read what came after our poll; so
 * after each byte read it runs as often as the rest of a record can take. */
void xmpp_stream_run(struct xmpp_stream *stream) {
    xmpp_run_once(stream->context, 0);
    uint64_t bytes = carrier_socket_bytes_read(stream->watchdog.socket);
    stream->quiet_turns++;
    if (bytes == stream->bytes_read)
        return;
    stream->heard_ms = carrier_now_ms();
    stream->is_pinged = false;
    for (int i = 0; i < reads_per_record && stream->phase != XMPP_DOWN; i++)
        xmpp_run_once(stream->context, 0);
    stream->bytes_read = carrier_socket_bytes_read(stream->watchdog.socket);
    stream->quiet_turns = stream->bytes_read == bytes ? reads_per_record : 0;
}

/* libstrophe does not count what it has begun to send, so one cannot see that it is stuck in it.
 * The space (RFC 6120, 4.6.1) after it is counted, and may itself be late without harm. */
void xmpp_stream_say(struct xmpp_stream *stream, const struct text *stanzas) {
    if (!stanzas->length)
        return;
    bool is_alone = xmpp_conn_send_queue_len(stream->connection) == 0 &&
                    carrier_socket_has_room(stream->watchdog.socket, stanzas->length);
    xmpp_send_raw(stream->connection, stanzas->data, stanzas->length);
    if (!is_alone)
        xmpp_send_raw(stream->connection, " ", 1);
}

void xmpp_stream_say_what_waits(struct xmpp_stream *stream) {
    auto_clean(text_deinit) struct text stanzas = {0};
    if (stream->phase != XMPP_UP || xmpp_conn_send_queue_len(stream->connection) > 0)
        return;
    carrier_outbox_take(stream->outbox, &stanzas);
    xmpp_stream_say(stream, &stanzas);
}

void xmpp_stream_close(struct xmpp_stream *stream) {
    auto_clean(text_deinit) struct text gone = {0};
    carrier_outbox_close(stream->outbox);
    xmpp_write_presence(&gone, XMPP_WRITE_UNAVAILABLE, NULL);
    xmpp_stream_say(stream, &gone);
    stream->phase = XMPP_CLOSING;
    xmpp_disconnect(stream->connection);
    carrier_watchdog_arm(&stream->watchdog, closing_ms);
}

void xmpp_stream_report(struct xmpp_stream *stream, struct text *out_why) {
    if (xmpp_cause_is_equal(&stream->cause, &stream->reported))
        return;
    stream->reported = stream->cause;
    xmpp_cause_print(&stream->cause, out_why);
}
