/* A text grows by doubling, and what would pass its limit is not added at all: `full` says so.
 * Fixed fields take a whole text or nothing. */
#include "base/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static const size_t limit_default_bytes = (size_t)1 << 30;

void text_deinit(struct text *text) {
    memory_free(text->data);
    *text = (struct text){.limit = text->limit};
}

void text_clear(struct text *text) {
    text->length = 0;
    text->full = false;
    if (text->data)
        text->data[0] = 0;
}

const char *text_data(const struct text *text) { return text->data ? text->data : ""; }

static bool text_reserve(struct text *text, size_t more) {
    size_t limit = text->limit ? text->limit : limit_default_bytes;
    if (text->full || more > limit || text->length > limit - more) {
        text->full = true;
        return false;
    }
    size_t needed = text->length + more + 1;
    if (needed > text->capacity) {
        size_t capacity = text->capacity ? text->capacity : 256;
        while (capacity < needed)
            capacity *= 2;
        text->data = memory_resize(text->data, capacity);
        text->capacity = capacity;
    }
    return true;
}

void text_add_bytes(struct text *text, const char *bytes, size_t length) {
    if (!text_reserve(text, length))
        return;
    memcpy(text->data + text->length, bytes, length);
    text->length += length;
    text->data[text->length] = 0;
}

void text_add(struct text *text, const char *piece) { text_add_bytes(text, piece, strlen(piece)); }

void text_add_number(struct text *text, uint64_t value) {
    char digits[20]; /* of 2^64 - 1 */
    size_t at = sizeof(digits);
    do
        digits[--at] = (char)('0' + value % 10);
    while (value /= 10);
    text_add_bytes(text, digits + at, sizeof(digits) - at);
}

/* Formatted into what is free already; only where that is too small, once more. */
static void text_addv(struct text *text, const char *format, va_list arguments)
    format_checked(2, 0);
static void text_addv(struct text *text, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    size_t room = text->capacity - text->length;
    char *end = room ? text->data + text->length : NULL;
    int length = vsnprintf(end, room, format, arguments);
    if (length >= 0 && text_reserve(text, (size_t)length)) {
        if ((size_t)length >= room)
            (void)vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    } else if (room) {
        *end = 0;
    }
    va_end(again);
}

void text_addf(struct text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    text_addv(text, format, arguments);
    va_end(arguments);
}

bool text_copy(char *field, size_t size, const char *from) {
    size_t length = strlen(from);
    if (length >= size) {
        field[0] = 0;
        return false;
    }
    memcpy(field, from, length + 1);
    return true;
}

void text_set_sized(char *field, size_t size, const char *from) {
    bool fits = text_copy(field, size, from);
    assert(fits);
}

void text_format(char *field, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    text_formatv(field, size, format, arguments);
    va_end(arguments);
}

void text_formatv(char *field, size_t size, const char *format, va_list arguments) {
    (void)vsnprintf(field, size, format, arguments);
}

void text_make_plain(char *text) {
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

bool text_equal(const char *left, const char *right) { return strcmp(left, right) == 0; }

bool text_starts(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_fits(const char *pattern, const char *text) {
    const char *star = NULL, *tried = text;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            tried = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++tried;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == 0;
}
