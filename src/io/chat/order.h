/* What is wanted of isthmus-xmpp: its commands, as a table, and how an order comes of a line or of
 * a form. Pure: no XML, no network. Whoever asks is somebody else's matter. */
#pragma once

#include "io/chat/heard.h"
#include "message/codec.h"
#include "message/records/access.h"
#include "message/request.h"

enum chat_act {
    CHAT_HELP,
    CHAT_LINK,
    CHAT_UNLINK,
    CHAT_WHOAMI,
    CHAT_LIST,
    CHAT_SHOW,
    CHAT_CREATE,
    CHAT_ACT, /* start, stop and their like: the verb's own route */
    CHAT_DELETE,
    CHAT_CONFIRM,
    CHAT_OPERATIONS,
    CHAT_OPERATION,
    CHAT_IMAGES,
    CHAT_SHAPES,
    CHAT_QUOTA,
};

struct chat_order {
    const struct chat_command *command;
    char vm[limit_name_size]; /* a name or an id */
    char operation[limit_id_size];
    char snapshot[limit_name_size];
    char tenant[limit_name_size]; /* whose order it is */
    char shape[limit_name_size], image[limit_name_size];
    char network[256], key[256]; /* names by commas; "": none */
    char ssh_key[chat_value_size];
    char again[limit_name_size];    /* the VM's name once more: it is to be deleted */
    char answer[chat_value_size];   /* to the code of a link */
};

/* What a command takes: a field of the order, and whose names may stand there. */
struct chat_input {
    struct field field; /* `about`: the label in a form */
    const char *list;   /* the route of names to choose from; NULL: it is typed */
};

struct chat_command {
    const char *word, *arguments, *about;
    enum chat_act act;
    enum rights needs;   /* RIGHTS_LOOK: any link; RIGHTS_ACT */
    const char *route;   /* CHAT_ACT: what stands behind the VM's name */
    bool is_node;        /* it is an ad-hoc command, too */
    const char *inputs;  /* names, a blank between them; '?' before one that may be left out */
};

/* The bare JID in a full one: what is linked. */
void chat_bare(const char *from, char out_jid[limit_address_size]);

/* Is the bare JID at one of these domains, a blank between them? NULL: all are. */
bool chat_is_of_domain(const char *domains, const char *jid);

extern const struct chat_command chat_commands[];
extern const size_t chat_commands_count;

const struct chat_command *chat_command_find(const char *word);

/* The i-th input of a command, and whether it has to be there; NULL: after the last. */
const struct chat_input *chat_command_input(const struct chat_command *command, size_t i,
                                            bool *out_is_required);

/* False: `why` says what is wrong with it and what would be right. */
bool chat_order_from_line(const char *line, struct chat_order *out, struct text *why);
bool chat_order_from_form(const struct chat_heard *heard, struct chat_order *out,
                          struct text *why);

/* The body of POST: of a VM to be created, or of what is done with a snapshot; false: there is
 * none. */
bool chat_order_body(const struct chat_order *order, struct text *out);
