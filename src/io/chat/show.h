/* What is told of a REST answer: plain text of bounded length, without control characters, and
 * without those that turn the direction of writing around or are not seen. Pure. */
#pragma once

#include "io/chat/order.h"
#include "io/http/problem.h"
#include "message/records/contact.h"

enum {
    chat_text_most = 12000, /* bytes of one answer: as many rows as may be fit */
    chat_rows = 25,         /* of a list */
    chat_names = 50,        /* to choose from in a form */
};

/* A text with its limit. */
#define chat_text_empty {.limit = chat_text_most}

/* Adds `value` as far as it is plain; a line's end becomes a blank. */
void chat_add_plain(struct text *out, const char *value);

/* What a command's answer says; false: it cannot be read. */
bool chat_show(const struct chat_order *order, const struct text *answer, struct text *out);

/* Why it was refused: the problem in words, or `status` where it is none. */
void chat_show_problem(const struct text *answer, long status, struct text *out);

/* The names in a page of a list. */
struct chat_choices {
    char names[chat_names][limit_name_size];
    size_t count;
    bool is_whole; /* there are no more */
};
bool chat_read_names(const struct text *answer, struct chat_choices *out);

/* The id, name and state of a VM. */
bool chat_read_vm(const struct text *answer, struct vm *out);

/* What is to be told, some at a time. The caller clears it by its table. */
enum { chat_deliveries_most = 16 };
struct chat_deliveries {
    struct chat_delivery *items;
    uint32_t items_count;
};
extern const struct table chat_deliveries_table;
bool chat_read_deliveries(const struct text *answer, struct chat_deliveries *out);

/* Whose token it is. */
bool chat_read_whoami(const struct text *answer, struct whoami *out);
