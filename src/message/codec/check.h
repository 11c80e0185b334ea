/* What a field's value may be: the one place that decides, for decoding, for structs and for
 * texts from people. Inside the codec only. */
#pragma once

#include "message/codec.h"

/* 0, or -EINVAL with `fault` naming the field and what would be right. */
int check_text(const struct field *field, const char *value, struct codec_fault *fault);
int check_number(const struct field *field, uint64_t value, struct codec_fault *fault);

/* Fills `fault` and returns -EINVAL. */
int check_fault(struct codec_fault *fault, const char *field, const char *format, ...)
    format_checked(3, 4);

/* Puts `name` in front of the fault's field: "cpus" becomes "size.cpus". Returns -EINVAL. */
int check_inside(struct codec_fault *fault, const char *name);

/* Adds the names that an enum field takes: "a, b or c". */
void check_add_names(const struct field *field, struct text *out);

/* Bytes of the UTF-8 sequence at `text` (RFC 3629), or 0 if there is no valid one. */
size_t check_utf8(const char *text);
