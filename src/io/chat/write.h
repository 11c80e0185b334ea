/* What isthmus-xmpp says, as XML: messages, its commands' forms and their ends (XEP-0004, XEP-0030,
 * XEP-0050). Pure. Each function appends one stanza to `out`; texts are escaped here, and are plain
 * (io/chat/show.h) but for what a peer said itself, which is sent to nobody else. */
#pragma once

#include "io/chat/show.h"

#define chat_commands_namespace "http://jabber.org/protocol/commands"

void chat_write_message(struct text *out, const char *to, const char *id, const char *line);

/* Is whoever `to` is there? (XEP-0199) */
void chat_write_ping(struct text *out, const char *id, const char *to);

/* We are there: `to` NULL, for who has us in its roster; or for one alone. */
void chat_write_presence(struct text *out, const char *to);
void chat_write_subscribed(struct text *out, const char *to);

/* disco#info; `node` NULL or "": of ourselves. */
void chat_write_features(struct text *out, const char *id, const char *to, const char *node);

/* The commands that who has these rights may give; NULL: none. */
void chat_write_items(struct text *out, const struct chat_heard *heard, const enum rights *rights);

/* Choices for a command's inputs, in their order. */
void chat_write_form(struct text *out, const struct chat_heard *heard,
                     const struct chat_command *command, const struct chat_choices *choices);

enum chat_note { CHAT_NOTE_INFO, CHAT_NOTE_ERROR };
void chat_write_done(struct text *out, const struct chat_heard *heard, enum chat_note note,
                     const char *line);
void chat_write_canceled(struct text *out, const struct chat_heard *heard);

enum chat_refusal { CHAT_FORBIDDEN, CHAT_NOT_FOUND, CHAT_OVERLOADED };
void chat_write_refusal(struct text *out, const struct chat_heard *heard,
                        enum chat_refusal refusal);
