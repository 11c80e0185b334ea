/* A command has one form, or none; so nothing of a session is kept between its steps: the form that
 * comes back says all. */
#include "io/chat/write.h"

#include "io/carrier/xmpp/write.h"

void chat_write_message(struct text *out, const char *to, const char *id, const char *line) {
    text_add(out, "<message type='chat'");
    xmpp_write_attribute(out, "to", to);
    xmpp_write_attribute(out, "id", id);
    text_add(out, "><body>");
    xmpp_write_text(out, line);
    text_add(out, "</body></message>");
}

void chat_write_presence(struct text *out, const char *to) {
    text_add(out, "<presence");
    xmpp_write_attribute(out, "to", to);
    text_add(out, "/>");
}

void chat_write_subscribed(struct text *out, const char *to) {
    text_add(out, "<presence type='subscribed'");
    xmpp_write_attribute(out, "to", to);
    text_add(out, "/>");
}

static void open_iq(struct text *out, const char *type, const char *id, const char *to) {
    xmpp_write_iq(out, type, id, to);
    text_add(out, ">");
}

void chat_write_ping(struct text *out, const char *id, const char *to) {
    open_iq(out, "get", id, to);
    text_add(out, "<ping xmlns='urn:xmpp:ping'/></iq>");
}

void chat_write_features(struct text *out, const char *id, const char *to, const char *node) {
    bool is_list = node && text_equal(node, chat_commands_namespace);
    bool is_command = node && *node && !is_list;
    open_iq(out, "result", id, to);
    text_add(out, "<query xmlns='http://jabber.org/protocol/disco#info'");
    xmpp_write_attribute(out, "node", node && *node ? node : NULL);
    text_add(out, is_list      ? "><identity category='automation' type='command-list' "
                                 "name='Isthmus'/>"
                  : is_command ? "><identity category='automation' type='command-node' "
                                 "name='Isthmus'/>"
                               : "><identity category='client' type='bot' name='Isthmus'/>");
    text_add(out, "<feature var='http://jabber.org/protocol/disco#info'/>"
                  "<feature var='http://jabber.org/protocol/disco#items'/>"
                  "<feature var='" chat_commands_namespace "'/>"
                  "<feature var='jabber:iq:version'/>"
                  "<feature var='jabber:x:data'/>"
                  "<feature var='urn:xmpp:ping'/></query></iq>");
}

void chat_write_items(struct text *out, const struct chat_heard *heard,
                      const enum rights *rights) {
    open_iq(out, "result", heard->id, heard->from);
    bool is_list = text_equal(heard->node, chat_commands_namespace);
    text_add(out, "<query xmlns='http://jabber.org/protocol/disco#items'");
    xmpp_write_attribute(out, "node", *heard->node ? heard->node : NULL);
    text_add(out, ">");
    for (size_t i = 0; is_list && rights && i < chat_commands_count; i++) {
        const struct chat_command *command = &chat_commands[i];
        if (!command->is_node || *rights > command->needs)
            continue;
        text_add(out, "<item");
        xmpp_write_attribute(out, "jid", heard->to);
        xmpp_write_attribute(out, "node", command->word);
        xmpp_write_attribute(out, "name", command->about);
        text_add(out, "/>");
    }
    text_add(out, "</query></iq>");
}

static void open_command(struct text *out, const struct chat_heard *heard, const char *status) {
    open_iq(out, "result", heard->id, heard->from);
    text_add(out, "<command xmlns='" chat_commands_namespace "'");
    xmpp_write_attribute(out, "node", heard->node);
    xmpp_write_attribute(out, "sessionid", *heard->session ? heard->session : heard->id);
    xmpp_write_attribute(out, "status", status);
    text_add(out, ">");
}

static void add_input(struct text *out, const struct chat_input *input,
                      const struct chat_choices *choices) {
    bool is_list = input->list && choices->is_whole && choices->count;
    text_add(out, is_list ? "<field type='list-single'" : "<field type='text-single'");
    xmpp_write_attribute(out, "var", input->field.name);
    xmpp_write_attribute(out, "label", input->field.about);
    text_add(out, ">");
    for (size_t i = 0; is_list && i < choices->count; i++) {
        text_add(out, "<option");
        xmpp_write_attribute(out, "label", choices->names[i]);
        text_add(out, "><value>");
        xmpp_write_text(out, choices->names[i]);
        text_add(out, "</value></option>");
    }
}

void chat_write_form(struct text *out, const struct chat_heard *heard,
                     const struct chat_command *command, const struct chat_choices *choices) {
    const struct chat_input *input;
    bool is_required;
    open_command(out, heard, "executing");
    text_add(out, "<actions execute='complete'><complete/></actions>"
                  "<x xmlns='jabber:x:data' type='form'><title>");
    xmpp_write_text(out, command->about);
    text_add(out, "</title>");
    for (size_t i = 0; (input = chat_command_input(command, i, &is_required)); i++) {
        add_input(out, input, &choices[i]);
        text_add(out, is_required ? "<required/></field>" : "</field>");
    }
    text_add(out, "</x></command></iq>");
}

void chat_write_done(struct text *out, const struct chat_heard *heard, enum chat_note note,
                     const char *line) {
    open_command(out, heard, "completed");
    text_add(out, note == CHAT_NOTE_INFO ? "<note type='info'>" : "<note type='error'>");
    xmpp_write_text(out, line);
    text_add(out, "</note></command></iq>");
}

void chat_write_canceled(struct text *out, const struct chat_heard *heard) {
    open_command(out, heard, "canceled");
    text_add(out, "</command></iq>");
}

void chat_write_refusal(struct text *out, const struct chat_heard *heard,
                        enum chat_refusal refusal) {
    static const char *const errors[] = {
        [CHAT_FORBIDDEN] = "<error type='auth'><forbidden ",
        [CHAT_NOT_FOUND] = "<error type='cancel'><item-not-found ",
        [CHAT_OVERLOADED] = "<error type='wait'><resource-constraint ",
    };
    open_iq(out, "error", heard->id, heard->from);
    text_add(out, errors[refusal]);
    text_add(out, "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
}
