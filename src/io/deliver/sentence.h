/* What a person is told, by mail or in a chat: of names that others chose no byte is printed but
 * printable ASCII. Pure: the same words for the same delivery. */
#pragma once

#include "base/text.h"
#include "message/records/contact.h"

/* What is printed into it is names: 700 bytes at the most. */
void sentence_add(struct text *out, const char *format, ...) format_checked(2, 3);
void sentence_add_date(uint64_t ms, const char *format, struct text *out);

/* What happened, without a stop. */
void sentence_add_what(const struct notice *notice, struct text *out);

/* The whole delivery, in lines that each end: what happened, and the command that shows more of it;
 * or the code, and how it comes back. */
void sentence_print(const struct contact *contact, const struct delivery *delivery,
                    struct text *out);
