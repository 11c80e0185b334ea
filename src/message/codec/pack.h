/* Records to their packed form, which docs/protocol.md tells to the byte. */
#pragma once

#include "message/codec.h"

/* Appends the packed form: of the fields that `face` shows those that have a number and are not
 * zero. A record has one packed form. */
void codec_pack(const struct table *table, const void *data, enum field_mask face,
                struct text *out);

/* Appends one entry of a list, or the whole list of which such entries were put together: for
 * who packs a list's entries as they come. */
void codec_pack_entry(const struct field *list, const void *entry, enum field_mask face,
                      struct text *out);
void codec_pack_list(const struct field *list, const struct text *entries, struct text *out);
