/* For tests of the field tables and the codec: every table there is, and random records of them. */
#pragma once

#include "base/prng.h"
#include "message/codec.h"

/* The i-th of all tables, those of messages and of frames included; NULL after the last. */
const struct table *tables_at(size_t i);

static const enum field_mask tables_faces[] = {FIELD_WIRE, FIELD_STORE, FIELD_API};

/* A random record on the heap; the caller frees it with record_deinit. */
struct record tables_random(const struct table *table, struct prng *prng);

/* Frees and zeroes one field. */
void tables_drop(const struct field *field, void *data);

/* Clears what `face` does not show, inside of records and lists too. */
void tables_hide(const struct table *table, void *data, enum field_mask face);
