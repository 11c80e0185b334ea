/* What somebody said to isthmus-xmpp, taken out of its stanza: a line of a chat, or a step of an
 * ad-hoc command (XEP-0050) with the form that was filled in (XEP-0004). Sizes bound all of it;
 * what does not fit is not taken at all. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message/limits.h"

enum {
    chat_line_size = 2048,
    chat_id_size = 128,
    chat_word_size = 32,
    chat_fields = 8,
    chat_value_size = 1536,
};

enum chat_kind {
    CHAT_LINE,    /* a message */
    CHAT_ITEMS,   /* disco#items: which commands are there (XEP-0030) */
    CHAT_COMMAND, /* a command is begun, or its form comes back */
};

struct chat_field {
    char name[chat_word_size];
    char value[chat_value_size];
};

struct chat_heard {
    enum chat_kind kind;
    uint64_t now_ms;               /* when it was heard; monotonic */
    char from[limit_address_size]; /* as the server says: full or bare JID */
    char to[limit_address_size];   /* which of our JIDs */
    char id[chat_id_size];         /* of the stanza */
    char line[chat_line_size];     /* "": it is too long */
    bool is_late;                  /* our server kept it while we were away (XEP-0203) */
    char node[2 * chat_word_size], session[chat_id_size]; /* of a command */
    bool is_canceled, is_submitted;
    struct chat_field fields[chat_fields];
    size_t fields_count;
};
