/* A stream for people instead of frames: it says that it is there to whoever is linked, and what it
 * is told is a stranger's until the face says otherwise. Everything is done by one thread, so
 * libstrophe needs no lock. */
#include "io/chat/connection.h"

#include <poll.h>
#include <string.h>

#include "base/memory.h"
#include "io/carrier/thread.h"
#include "io/carrier/xmpp/stream.h"
#include "io/carrier/xmpp/write.h"
#include "io/chat/write.h"
#include "io/keys/secret.h"

enum {
    handshake_ms = 15000,
    ping_ms = 30000,
    pause_least_ms = 1000,
    pause_most_ms = 60000,
};

struct chat_connection {
    struct chat_connection_settings settings;
    atomic_bool is_closing;
    struct xmpp_stream stream;
    uint64_t up_ms; /* since when it is, or was; 0: this one never was */
    struct chat_heard heard; /* the stanza that is looked at */
};

/* ---- what comes in ---- */

/* Begins a new one; false: an address or an id that does not fit is not answered. */
static bool begin(struct chat_connection *chat, xmpp_stanza_t *stanza, enum chat_kind kind) {
    const char *from = xmpp_stanza_get_from(stanza), *to = xmpp_stanza_get_to(stanza);
    const char *id = xmpp_stanza_get_id(stanza);
    struct chat_heard *heard = &chat->heard;
    *heard = (struct chat_heard){.kind = kind, .now_ms = carrier_now_ms()};
    return from && strchr(from, '@') && text_copy(heard->from, sizeof(heard->from), from) &&
           text_copy(heard->to, sizeof(heard->to), to ? to : chat->stream.account.jid) &&
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
        xmpp_free(chat->stream.context, text);
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

/* What is the same for everybody. */
static void answer(struct chat_connection *chat, xmpp_stanza_t *iq) {
    auto_clean(text_deinit) struct text out = {0};
    const char *id = xmpp_stanza_get_id(iq), *from = xmpp_stanza_get_from(iq);
    bool is_get = text_equal(xmpp_stanza_get_type(iq), "get");
    xmpp_stanza_t *info = xmpp_stream_asked(iq, "query", XMPP_NS_DISCO_INFO);
    const char *node = info ? xmpp_stanza_get_attribute(info, "node") : NULL;
    bool is_short = !node || strlen(node) < sizeof(chat->heard.node);
    if (is_get && xmpp_stream_asked(iq, "ping", "urn:xmpp:ping"))
        xmpp_write_pong(&out, id, from);
    else if (is_get && info && is_short)
        chat_write_features(&out, id, from, node);
    else if (is_get && xmpp_stream_asked(iq, "query", "jabber:iq:version"))
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
    xmpp_stanza_t *items = is_get ? xmpp_stream_asked(iq, "query", XMPP_NS_DISCO_ITEMS) : NULL;
    xmpp_stanza_t *command =
        is_set ? xmpp_stream_asked(iq, "command", chat_commands_namespace) : NULL;
    const char *id = xmpp_stanza_get_id(iq), *from = xmpp_stanza_get_from(iq);
    if (!is_get && !is_set) { /* an answer to a ping; our server's, also where it knows none */
        if (id && from && text_equal(from, chat->stream.account.domain))
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

static void on_up(void *user) {
    struct chat_connection *chat = user;
    const struct xmpp_account *account = &chat->stream.account;
    chat->up_ms = carrier_now_ms();
    carrier_outbox_open(chat->settings.outbox);
    log_line(chat->settings.log, LOG_INFO, "connected", "jid=%s server=%s:%u address=%s",
             account->jid, xmpp_account_host(account), account->port,
             chat->stream.server.address->text);
    chat->settings.on_state("connected");
    chat_face_greet(chat->settings.face);
    chat_teller_on_up(chat->settings.teller);
}

static void on_down(void *user) {
    const struct chat_connection *chat = user;
    chat_teller_on_down(chat->settings.teller);
}

static const struct xmpp_stream_hooks hooks = {.on_up = on_up,
                                               .on_down = on_down,
                                               .on_message = on_message,
                                               .on_presence = on_presence,
                                               .on_iq = on_iq};

static void take_turn(struct chat_connection *chat) {
    struct xmpp_stream *stream = &chat->stream;
    int patience = xmpp_stream_patience_ms(stream);
    struct pollfd ready[] = {
        xmpp_stream_await(stream),
        {.fd = chat->settings.outbox->wake_fd, .events = POLLIN},
        {.fd = stream->phase == XMPP_CLOSING ? -1 : chat->settings.stop_fd, .events = POLLIN},
    };
    poll(ready, array_size(ready), patience);
    xmpp_stream_woken(stream, ready[0].revents);
    if (ready[1].revents)
        carrier_outbox_woken(chat->settings.outbox);
    if (ready[2].revents)
        chat->is_closing = true;
    if (chat->is_closing && stream->phase == XMPP_CONNECTING)
        carrier_watchdog_cut(&stream->watchdog);
    else if (chat->is_closing && stream->phase == XMPP_UP)
        xmpp_stream_close(stream);
    xmpp_stream_say_what_waits(stream);
    xmpp_stream_run(stream);
}

/* One connection, from the first packet to the last. */
static void serve(struct chat_connection *chat) {
    struct xmpp_stream *stream = &chat->stream;
    xmpp_stream_find(stream);
    xmpp_stream_begin(stream, stream->account.jid);
    while (stream->phase != XMPP_DOWN)
        take_turn(chat);
    xmpp_stream_end(stream);
}

static void report(struct chat_connection *chat) {
    auto_clean(text_deinit) struct text why = {0};
    const struct xmpp_account *account = &chat->stream.account;
    const struct xmpp_cause *cause = &chat->stream.cause;
    if (chat->is_closing)
        return;
    chat->settings.on_state(xmpp_cause_what(cause));
    xmpp_stream_report(&chat->stream, &why);
    if (why.length)
        log_line(chat->settings.log, cause->kind == XMPP_CAUSE_LOST ? LOG_WARNING : LOG_ERROR,
                 "disconnected", "jid=%s server=%s:%u %s", account->jid,
                 xmpp_account_host(account), account->port, text_data(&why));
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
    while (!chat->is_closing) {
        chat->up_ms = 0;
        serve(chat);
        report(chat);
        bool was_lasting = chat->up_ms && carrier_now_ms() - chat->up_ms > pause_most_ms;
        if (chat->stream.cause.kind == XMPP_CAUSE_CONFLICT) /* or two of us throw each other out */
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
    chat->settings = *settings;
    chat->stream = (struct xmpp_stream){.hooks = &hooks,
                                        .user = chat,
                                        .outbox = settings->outbox,
                                        .handshake_ms = handshake_ms,
                                        .ping_ms = ping_ms};
    int result = xmpp_stream_init(&chat->stream, settings->endpoint, &chat->is_closing, err);
    if (result == 0) {
        serve_all(chat);
        xmpp_stream_deinit(&chat->stream);
    }
    memory_free(chat);
    return result;
}
