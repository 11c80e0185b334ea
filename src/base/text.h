/* Texts: a growing buffer with an upper bound, and copies into fixed fields that cannot overrun.
 *
 * A text that reaches its limit stops growing and says so with `full`; the caller checks once,
 * at the end, instead of after each piece. data is always terminated (never NULL after the
 * first add; use text_data, which gives "" for an empty one). */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

struct text {
    char *data;
    size_t length;   /* bytes, without the terminator */
    size_t capacity; /* bytes allocated */
    size_t limit;    /* most bytes of content; 0: 1 GiB */
    bool full;       /* something did not fit */
};

void text_deinit(struct text *text);
void text_clear(struct text *text); /* keeps the memory */
const char *text_data(const struct text *text);
void text_add(struct text *text, const char *piece);
void text_add_bytes(struct text *text, const char *bytes, size_t length);
void text_add_number(struct text *text, uint64_t value);
void text_addf(struct text *text, const char *format, ...) format_checked(2, 3);

/* Copies a terminated text into a field, an array that must have room for it: asserted, so only
 * for what was checked when it came in, or was made here. A source that is an array itself may
 * not be larger than the field: that does not compile. */
#define text_set(field, from)                                                \
    do {                                                                     \
        _Static_assert(is_array(field), "a pointer: its size is not known"); \
        _Static_assert(!is_array(from) || sizeof(from) <= sizeof(field),     \
                       "what is to be copied may be larger than the field"); \
        text_set_sized(field, sizeof(field), from);                          \
    } while (0)

/* What text_set does, for a field that came as a pointer. */
void text_set_sized(char *field, size_t size, const char *from);

/* Copies a terminated text from outside into a field of `size` bytes. False, with the field
 * emptied, if it does not fit. */
must_check bool text_copy(char *field, size_t size, const char *from);

/* Like snprintf into a field; what does not fit is cut. */
void text_format(char *field, size_t size, const char *format, ...) format_checked(3, 4);
void text_formatv(char *field, size_t size, const char *format, va_list arguments)
    format_checked(3, 0);

/* Puts a question mark in place of each byte that is no printable ASCII. */
void text_make_plain(char *text);

bool text_equal(const char *left, const char *right);
bool text_starts(const char *text, const char *prefix);

/* Is `text` as the pattern says, in which `*` stands for any characters, also none? */
bool text_fits(const char *pattern, const char *text);
