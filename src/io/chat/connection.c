/* As the carrier's (io/carrier/xmpp/connection.c), for people instead of frames: it says that it is
 * there to whoever is linked, and what it is told is a stranger's until the face says otherwise.
 * Everything is done by one thread, so libstrophe needs no lock; its handshake blocks, and is cut
 * by a watchdog. */
#include "io/chat/connection.h"

#include <poll.h>
#include <string.h>
#include <strophe.h>
#include <sys/socket.h>
#include <time.h>

#include "base/memory.h"
#include "io/carrier/outbox.h"
#include "io/carrier/socket.h"
#include "io/carrier/watchdog.h"
#include "io/carrier/xmpp/cause.h"
#include "io/carrier/xmpp/check.h"
#include "io/carrier/xmpp/server.h"
#include "io/carrier/xmpp/write.h"
#include "io/chat/write.h"
#include "io/keys/secret.h"

enum {
    handshake_ms = 15000,
    closing_ms = 1500,
    strophe_timers_ms = 250,
    ping_ms = 30000,
    dead_ms = 60000,
    pause_least_ms = 1000,
    pause_most_ms = 60000,
    reads_per_record = 4, /* libstrophe takes 4 KiB at a time out of a TLS record of 16 */
};

enum phase { PHASE_DOWN, PHASE_CONNECTING, PHASE_UP, PHASE_CLOSING };

struct chat_connection {
    struct chat_connection_settings settings;
    struct xmpp_account account;
    struct xmpp_server server;
    struct carrier_watchdog watchdog;
    struct carrier_seats seats;
    atomic_bool is_closing;
    enum phase phase;
    xmpp_ctx_t *context;
    xmpp_conn_t *connection;
    xmpp_log_t log;
    short events;
    uint64_t bytes_read, heard_ms; /* when a byte came last */
    uint64_t up_ms; /* since when it is, or was; 0: this one never was */
    bool is_pinged;
    struct xmpp_cause cause, reported;
    struct chat_heard heard; /* the stanza that is looked at */
};

/* libstrophe gives two of its callbacks a connection and no user data. */
static _Thread_local struct chat_connection *this_thread;

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- what comes in ---- */

/* Begins a new one; false: an address or an id that does not fit is not answered. */
static bool begin(struct chat_connection *chat, xmpp_stanza_t *stanza, enum chat_kind kind) {
    const char *from = xmpp_stanza_get_from(stanza), *to = xmpp_stanza_get_to(stanza);
    const char *id = xmpp_stanza_get_id(stanza);
    struct chat_heard *heard = &chat->heard;
    *heard = (struct chat_heard){.kind = kind, .now_ms = now_ms()};
    return from && strchr(from, '@') && text_copy(heard->from, sizeof(heard->from), from) &&
           text_copy(heard->to, sizeof(heard->to), to ? to : chat->account.jid) &&
           text_copy(heard->id, sizeof(heard->id), id ? id : "");
}

/* An attribute, "" where there is none; false: it is too long. */
static bool copy_attribute(xmpp_stanza_t *stanza, const char *name, char *out, size_t size) {
    const char *value = xmpp_stanza_get_attribute(stanza, name);
    return text_copy(out, size, value ? value : "");
}

/* The text inside; what is too long becomes "". */
static void copy_text(struct chat_connection *chat, xmpp_stanza_t *stanza, char *out,
                      size_t size) {
    char *text = stanza ? xmpp_stanza_get_text(stanza) : NULL;
    if (!text_copy(out, size, text ? text : ""))
        out[0] = 0;
    if (text)
        xmpp_free(chat->context, text);
}

/* What we sent comes back. */
static void hear_refusal(struct chat_connection *chat, xmpp_stanza_t *stanza) {
    xmpp_stanza_t *error = xmpp_stanza_get_child_by_name(stanza, "error");
    xmpp_stanza_t *condition =
        error ? xmpp_stanza_get_child_by_ns(error, XMPP_NS_STANZAS_IETF) : NULL;
    const char *name = condition ? xmpp_stanza_get_name(condition) : NULL;
    const struct chat_refused refused = {xmpp_stanza_get_from(stanza), xmpp_stanza_get_id(stanza),
                                         name ? name : "an error"};
    if (refused.id && refused.from)
        chat_teller_on_refusal(chat->settings.teller, &refused);
}

static int on_message(xmpp_conn_t *connection, xmpp_stanza_t *stanza, void *user) {
    (void)connection;
    struct chat_connection *chat = user;
    const char *type = xmpp_stanza_get_type(stanza);
    if (type && text_equal(type, "error"))
        hear_refusal(chat, stanza);
    xmpp_stanza_t *body = xmpp_stanza_get_child_by_name(stanza, "body");
    bool is_said = !type || text_equal(type, "chat") || text_equal(type, "normal");
    if (!is_said || !body || !begin(chat, stanza, CHAT_LINE))
        return 1;
    chat->heard.is_late = xmpp_stanza_get_child_by_ns(stanza, "urn:xmpp:delay") != NULL;
    copy_text(chat, body, chat->heard.line, sizeof(chat->heard.line));
    chat_face_hear(chat->settings.face, &chat->heard);
    secret_erase(chat->heard.line, sizeof(chat->heard.line));
    return 1;
}

static int on_presence(xmpp_conn_t *connection, xmpp_stanza_t *stanza, void *user) {
    (void)connection;
    struct chat_connection *chat = user;
    const char *from = xmpp_stanza_get_from(stanza), *type = xmpp_stanza_get_type(stanza);
    if (from && type && text_equal(type, "subscribe") && strlen(from) < limit_address_size)
        chat_face_admit(chat->settings.face, from);
    return 1;
}

static void take_form(struct chat_connection *chat, xmpp_stanza_t *form) {
    struct chat_heard *heard = &chat->heard;
    for (xmpp_stanza_t *at = xmpp_stanza_get_children(form); at; at = xmpp_stanza_get_next(at)) {
        const char *name = xmpp_stanza_get_name(at);
        if (!name || !text_equal(name, "field") || heard->fields_count == chat_fields)
            continue;
        struct chat_field *field = &heard->fields[heard->fields_count];
        if (!copy_attribute(at, "var", field->name, sizeof(field->name)))
            continue;
        copy_text(chat, xmpp_stanza_get_child_by_name(at, "value"), field->value,
                  sizeof(field->value));
        heard->fields_count++;
    }
}

static void hear_command(struct chat_connection *chat, xmpp_stanza_t *command) {
    struct chat_heard *heard = &chat->heard;
    const char *action = xmpp_stanza_get_attribute(command, "action");
    xmpp_stanza_t *form = xmpp_stanza_get_child_by_ns(command, "jabber:x:data");
    const char *type = form ? xmpp_stanza_get_type(form) : NULL;
    if (!copy_attribute(command, "node", heard->node, sizeof(heard->node)) ||
        !copy_attribute(command, "sessionid", heard->session, sizeof(heard->session)))
        return;
    heard->is_canceled = action && text_equal(action, "cancel");
    heard->is_submitted = type && text_equal(type, "submit");
    if (heard->is_submitted)
        take_form(chat, form);
    chat_face_hear(chat->settings.face, heard);
}

static xmpp_stanza_t *asks_for(xmpp_stanza_t *iq, const char *name, const char *namespace) {
    return xmpp_stanza_get_child_by_name_and_ns(iq, name, namespace);
}

/* What is the same for everybody. */
static void answer(struct chat_connection *chat, xmpp_stanza_t *iq) {
    auto_clean(text_deinit) struct text out = {0};
    const char *id = xmpp_stanza_get_id(iq), *from = xmpp_stanza_get_from(iq);
    bool is_get = text_equal(xmpp_stanza_get_type(iq), "get");
    xmpp_stanza_t *info = asks_for(iq, "query", XMPP_NS_DISCO_INFO);
    const char *node = info ? xmpp_stanza_get_attribute(info, "node") : NULL;
    bool is_short = !node || strlen(node) < sizeof(chat->heard.node);
    if (is_get && asks_for(iq, "ping", "urn:xmpp:ping"))
        xmpp_write_pong(&out, id, from);
    else if (is_get && info && is_short)
        chat_write_features(&out, id, from, node);
    else if (is_get && asks_for(iq, "query", "jabber:iq:version"))
        xmpp_write_version(&out, id, from, ISTHMUS_VERSION);
    else
        xmpp_write_refusal(&out, id, from);
    if (carrier_outbox_add(chat->settings.outbox, &out))
        carrier_outbox_wake(chat->settings.outbox);
}

static int on_iq(xmpp_conn_t *connection, xmpp_stanza_t *iq, void *user) {
    (void)connection;
    struct chat_connection *chat = user;
    const char *type = xmpp_stanza_get_type(iq);
    bool is_get = type && text_equal(type, "get"), is_set = type && text_equal(type, "set");
    xmpp_stanza_t *items = is_get ? asks_for(iq, "query", XMPP_NS_DISCO_ITEMS) : NULL;
    xmpp_stanza_t *command = is_set ? asks_for(iq, "command", chat_commands_namespace) : NULL;
    const char *id = xmpp_stanza_get_id(iq), *from = xmpp_stanza_get_from(iq);
    if (!is_get && !is_set) { /* an answer to a ping; our server's, also where it knows none */
        if (id && from && text_equal(from, chat->account.domain))
            chat_teller_on_answer(chat->settings.teller, id);
        return 1;
    }
    if (command && begin(chat, iq, CHAT_COMMAND))
        hear_command(chat, command);
    else if (items && begin(chat, iq, CHAT_ITEMS) &&
             copy_attribute(items, "node", chat->heard.node, sizeof(chat->heard.node)))
        chat_face_hear(chat->settings.face, &chat->heard);
    else
        answer(chat, iq);
    return 1;
}

/* ---- the connection's life ---- */

static void say(struct chat_connection *chat, const struct text *stanzas) {
    if (stanzas->length)
        xmpp_send_raw(chat->connection, stanzas->data, stanzas->length);
}

static int on_socket(xmpp_conn_t *connection, void *socket) {
    (void)connection;
    struct chat_connection *chat = this_thread;
    int fd = carrier_seats_lower(&chat->seats, *(int *)socket);
    if (fd < 0) {
        xmpp_cause_set(&chat->cause, XMPP_CAUSE_DESCRIPTORS, NULL);
        return -1;
    }
    *(int *)socket = fd;
    carrier_socket_tune(fd);
    chat->events = POLLIN | POLLOUT;
    return carrier_watchdog_follow(&chat->watchdog, fd) ? 0 : -1;
}

static int on_bad_certificate(const xmpp_tlscert_t *certificate, const char *reason) {
    (void)certificate;
    xmpp_cause_set(&this_thread->cause, XMPP_CAUSE_CERTIFICATE, reason);
    return 0;
}

/* Why an attempt failed is said by libstrophe in its debug log alone. */
static void on_log(void *user, xmpp_log_level_t level, const char *area, const char *line) {
    (void)level, (void)area;
    struct chat_connection *chat = user;
    xmpp_cause_read(&chat->cause, line);
}

static void on_up(struct chat_connection *chat) {
    const struct xmpp_account *account = &chat->account;
    carrier_watchdog_disarm(&chat->watchdog);
    chat->phase = PHASE_UP;
    chat->server.address->has_failed = false;
    chat->log.handler = NULL; /* or each stanza would be printed for nobody */
    chat->heard_ms = chat->up_ms = now_ms();
    chat->is_pinged = false;
    chat->cause = chat->reported = (struct xmpp_cause){0};
    xmpp_handler_add(chat->connection, on_message, NULL, "message", NULL, chat);
    xmpp_handler_add(chat->connection, on_presence, NULL, "presence", NULL, chat);
    xmpp_handler_add(chat->connection, on_iq, NULL, "iq", NULL, chat);
    carrier_outbox_open(chat->settings.outbox);
    log_line(chat->settings.log, LOG_INFO, "connected", "jid=%s server=%s:%u address=%s",
             account->jid, xmpp_account_host(account), account->port,
             chat->server.address->text);
    chat->settings.on_state("connected");
    chat_face_greet(chat->settings.face);
    chat_teller_on_up(chat->settings.teller);
}

static void read_stream_error(struct xmpp_cause *cause, const xmpp_stream_error_t *error) {
    xmpp_stanza_t *condition = error->stanza ? xmpp_stanza_get_children(error->stanza) : NULL;
    const char *name = condition ? xmpp_stanza_get_name(condition) : NULL;
    xmpp_cause_read_stream_error(cause, name ? name : "", error->text);
}

static void on_down(struct chat_connection *chat, const xmpp_stream_error_t *error) {
    if (error)
        read_stream_error(&chat->cause, error);
    carrier_outbox_close(chat->settings.outbox);
    chat_teller_on_down(chat->settings.teller);
    if (carrier_watchdog_disarm(&chat->watchdog))
        xmpp_cause_set(&chat->cause, XMPP_CAUSE_SILENT, NULL);
    xmpp_cause_set(&chat->cause, XMPP_CAUSE_LOST, NULL);
    carrier_watchdog_forget(&chat->watchdog);
    chat->phase = PHASE_DOWN;
}

static void on_connection(xmpp_conn_t *connection, xmpp_conn_event_t event, int error,
                          xmpp_stream_error_t *stream_error, void *user) {
    (void)connection, (void)error;
    if (event == XMPP_CONN_CONNECT)
        on_up(user);
    else if (event != XMPP_CONN_RAW_CONNECT)
        on_down(user, stream_error);
}

static void begin_closing(struct chat_connection *chat) {
    auto_clean(text_deinit) struct text gone = {0};
    carrier_outbox_close(chat->settings.outbox);
    xmpp_write_presence(&gone, XMPP_WRITE_UNAVAILABLE, NULL);
    say(chat, &gone);
    chat->phase = PHASE_CLOSING;
    xmpp_disconnect(chat->connection);
    carrier_watchdog_arm(&chat->watchdog, closing_ms);
}

/* Runs libstrophe. What it left inside TLS no descriptor shows, so after each byte that came it
 * runs as often as the rest of a record can take. */
static void run_library(struct chat_connection *chat) {
    for (int quiet = 0; quiet < reads_per_record && chat->phase != PHASE_DOWN; quiet++) {
        xmpp_run_once(chat->context, 0);
        uint64_t bytes = carrier_socket_bytes_read(chat->watchdog.socket);
        if (bytes == chat->bytes_read)
            continue;
        chat->bytes_read = bytes;
        chat->heard_ms = now_ms();
        chat->is_pinged = false;
        quiet = 0;
    }
}

/* A server that says nothing is asked for a sign of life, and given up where none comes. */
static int look_after(struct chat_connection *chat) {
    auto_clean(text_deinit) struct text ping = {0};
    uint64_t silent_ms = now_ms() - chat->heard_ms;
    if (chat->phase != PHASE_UP)
        return strophe_timers_ms;
    if (silent_ms >= dead_ms) {
        xmpp_cause_set(&chat->cause, XMPP_CAUSE_DEAD, NULL);
        shutdown(chat->watchdog.socket, SHUT_RDWR);
        return strophe_timers_ms;
    }
    if (silent_ms >= ping_ms && !chat->is_pinged) {
        xmpp_write_ping(&ping, chat->account.domain);
        say(chat, &ping);
        chat->is_pinged = true;
    }
    return (int)((chat->is_pinged ? dead_ms : ping_ms) - silent_ms) + 1;
}

static void say_what_waits(struct chat_connection *chat) {
    auto_clean(text_deinit) struct text stanzas = {0};
    if (chat->phase != PHASE_UP || xmpp_conn_send_queue_len(chat->connection) > 0)
        return;
    carrier_outbox_take(chat->settings.outbox, &stanzas);
    say(chat, &stanzas);
}

static void take_turn(struct chat_connection *chat) {
    int patience = look_after(chat);
    bool is_sending = xmpp_conn_send_queue_len(chat->connection) > 0;
    struct pollfd ready[] = {
        {.fd = chat->watchdog.socket,
         .events = (short)(chat->events | (is_sending ? POLLOUT : 0))},
        {.fd = chat->settings.outbox->wake_fd, .events = POLLIN},
        {.fd = chat->phase == PHASE_CLOSING ? -1 : chat->settings.stop_fd, .events = POLLIN},
    };
    poll(ready, array_size(ready), patience);
    if (ready[0].revents & POLLOUT)
        chat->events = POLLIN; /* TCP is there */
    if (ready[1].revents)
        carrier_outbox_woken(chat->settings.outbox);
    if (ready[2].revents)
        chat->is_closing = true;
    if (chat->is_closing && chat->phase == PHASE_CONNECTING)
        shutdown(chat->watchdog.socket, SHUT_RDWR);
    else if (chat->is_closing && chat->phase == PHASE_UP)
        begin_closing(chat);
    say_what_waits(chat);
    run_library(chat);
}

static void make_connection(struct chat_connection *chat) {
    const struct xmpp_account *account = &chat->account;
    chat->log = (xmpp_log_t){.handler = on_log, .userdata = chat};
    chat->context = xmpp_ctx_new(NULL, &chat->log);
    chat->connection = xmpp_conn_new(chat->context);
    xmpp_conn_set_flags(chat->connection,
                        XMPP_CONN_FLAG_MANDATORY_TLS | XMPP_CONN_FLAG_DISABLE_SM);
    xmpp_conn_set_jid(chat->connection, account->jid);
    xmpp_conn_set_pass(chat->connection, account->password);
    xmpp_conn_set_cafile(chat->connection, account->ca_file);
    xmpp_conn_set_certfail_handler(chat->connection, on_bad_certificate);
    xmpp_conn_set_sockopt_callback(chat->connection, on_socket);
}

/* One connection, from the first packet to the last. */
static void serve(struct chat_connection *chat) {
    chat->cause = (struct xmpp_cause){0};
    chat->bytes_read = 0;
    xmpp_server_find(&chat->server, &chat->cause);
    const struct resolve_address *at = chat->server.address; /* NULL: none */
    make_connection(chat);
    chat->phase = PHASE_CONNECTING;
    carrier_watchdog_arm(&chat->watchdog, handshake_ms);
    if (!at || xmpp_connect_client(chat->connection, at->text, at->port, on_connection, chat) !=
                   XMPP_EOK)
        on_down(chat, NULL);
    while (chat->phase != PHASE_DOWN)
        take_turn(chat);
    xmpp_conn_release(chat->connection);
    xmpp_ctx_free(chat->context);
    carrier_seats_take(&chat->seats);
}

/* A cause is told once, not at each of its repeats. */
static void report(struct chat_connection *chat) {
    auto_clean(text_deinit) struct text why = {0};
    if (chat->is_closing)
        return;
    chat->settings.on_state(xmpp_cause_what(&chat->cause));
    if (xmpp_cause_is_equal(&chat->cause, &chat->reported))
        return;
    chat->reported = chat->cause;
    xmpp_cause_print(&chat->cause, &why);
    log_line(chat->settings.log, chat->cause.kind == XMPP_CAUSE_LOST ? LOG_WARNING : LOG_ERROR,
             "disconnected", "jid=%s server=%s:%u %s", chat->account.jid,
             xmpp_account_host(&chat->account), chat->account.port, text_data(&why));
}

/* Waits a part of `most` that chance chooses, or until the end is wanted. */
static void pause_before_next(struct chat_connection *chat, uint32_t most) {
    uint32_t drawn;
    secret_random(&drawn, sizeof(drawn));
    struct pollfd stop = {.fd = chat->settings.stop_fd, .events = POLLIN};
    if (poll(&stop, 1, (int)(most / 2 + drawn % (most / 2 + 1))) > 0)
        chat->is_closing = true;
}

static void serve_all(struct chat_connection *chat) {
    uint32_t pause_ms = pause_least_ms;
    this_thread = chat;
    while (!chat->is_closing) {
        chat->up_ms = 0;
        serve(chat);
        report(chat);
        bool was_lasting = chat->up_ms && now_ms() - chat->up_ms > pause_most_ms;
        if (chat->cause.kind == XMPP_CAUSE_CONFLICT) /* or two of us throw each other out */
            pause_ms = pause_most_ms;
        else if (was_lasting)
            pause_ms = pause_least_ms;
        if (!chat->is_closing)
            pause_before_next(chat, pause_ms);
        pause_ms = pause_ms * 2 < pause_most_ms ? pause_ms * 2 : pause_most_ms;
    }
}

int chat_connection_run(const struct chat_connection_settings *settings, struct error *err) {
    struct chat_connection *chat = memory_new(1, sizeof(*chat));
    if (carrier_watchdog_init(&chat->watchdog, err)) {
        memory_free(chat);
        return err->code;
    }
    xmpp_initialize();
    chat->settings = *settings;
    xmpp_account_init(&chat->account, settings->endpoint);
    chat->server = (struct xmpp_server){
        .account = &chat->account, .time_ms = handshake_ms / 2, .cancel = &chat->is_closing};
    carrier_seats_init(&chat->seats);
    serve_all(chat);
    carrier_seats_deinit(&chat->seats);
    carrier_watchdog_deinit(&chat->watchdog);
    xmpp_account_deinit(&chat->account);
    memory_free(chat);
    return 0;
}
