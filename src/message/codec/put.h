/* How a decoder fills a field: whatever form the value came in, it is checked here and stands in
 * the record as the table says. Inside the codec only. */
#pragma once

#include "message/codec.h"

/* Stands for what is no number at all: it is beyond any field's range. */
static const uint64_t put_no_number = UINT64_MAX;

/* Copies a value of the field's own size into the record. */
void put_value(const struct field *field, void *data, const void *value, size_t size);

/* What is wrong with an entry of a lenient list stands in its place. */
void put_unreadable(const struct field *field, const struct codec_fault *fault, void *entry);

/* A FIELD_TEXT or FIELD_BLOB, a FIELD_U32 or FIELD_U64: 0, or -EINVAL with `fault`. */
int put_text(const struct field *field, const char *text, void *data, struct codec_fault *fault);
int put_number(const struct field *field, uint64_t number, void *data, struct codec_fault *fault);
