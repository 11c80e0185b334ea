/* The one codec: records to bytes and back, driven by field tables (field.h). There are two forms:
 * JSON, here, for people and all that they use, and the packed form (codec/pack.h, unpack.h), a
 * third as long, for links.
 *
 * Everyone who reads or writes bytes calls this: links, store, API, command. It knows nothing of
 * what a record means. Decoding is strict about known fields, ignores unknown ones (two protocol
 * versions interoperate) unless told to refuse them, and never leaves a half-filled record. */
#pragma once

#include "base/error.h"
#include "base/text.h"
#include "message/field.h"

enum codec_unknown { CODEC_IGNORE_UNKNOWN, CODEC_REFUSE_UNKNOWN };

/* What was wrong with an input, for a person: which field, and what would be right. */
struct codec_fault {
    char field[96]; /* "size.cpus", "" for the whole */
    char text[200];
};

/* Appends the JSON object of `data`, with the fields that `face` (enum field_mask: FIELD_WIRE,
 * FIELD_STORE or FIELD_API) shows, compact, in the table's order. */
void codec_encode(const struct table *table, const void *data, enum field_mask face,
                  struct text *out);

/* What is decoded. Fields outside `face` are unknown fields. */
struct codec_input {
    const char *bytes;
    size_t length;
    enum field_mask face;
    enum codec_unknown unknown;
};

/* Fills the uninitialised struct `out_data` from a JSON object. 0, or -EINVAL with `fault` filled
 * and out_data zeroed. The caller frees with record_clear. */
int codec_decode(const struct table *table, const struct codec_input *input, void *out_data,
                 struct codec_fault *fault);

/* Checks every field of a struct that did not come from JSON. 0 or -EINVAL with `fault`. */
int codec_check(const struct table *table, const void *data, struct codec_fault *fault);

/* Adds the record as one readable line, key=value, without secrets: for logs, traces and tests. */
void codec_print(const struct table *table, const void *data, struct text *out);

/* A field's value from plain text (query parameters, configuration, the command line), with the
 * same checks: 0 or -EINVAL with `fault`. Not for records and lists. */
int codec_field_from_text(const struct field *field, const char *value, void *record,
                          struct codec_fault *fault);

/* Appends a JSON string with its quotes. Invalid UTF-8 is replaced. */
void codec_add_string(const char *value, struct text *out);

/* Random valid values in every field, for property tests and fuzz corpora. `next` gives random
 * numbers. The caller frees with record_clear. */
void codec_random(const struct table *table, uint64_t (*next)(void *), void *source,
                  void *out_data);
