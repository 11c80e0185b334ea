/* Ids: a kind's prefix, 48 bits of time and 80 random bits in Crockford's base 32 (the ULID
 * layout), lower case: "vm-01jdabc…". Ids of one maker grow, so a list by id is a list by age. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prng.h"
#include "message/limits.h"

struct id {
    char text[limit_id_size];
};

struct id_maker {
    struct prng prng;
    uint64_t last_ms;
    uint64_t high;       /* 16 random bits of the last id */
    uint64_t low;        /* its 64 lower ones */
};

/* `prefix` is "vm", "op", "img", "ten"; wall_ms the wall clock in ms. */
struct id id_make(struct id_maker *maker, const char *prefix, uint64_t wall_ms);

/* Ids that are made from here on are greater than this one, of an earlier run, perhaps by a clock
 * that has been set back since. */
void id_seen(struct id_maker *maker, const char *id);

bool id_is_valid(const char *text);

enum {
    id_number_bytes = 16, /* of what follows the prefix; ids of one prefix compare by it */
    id_packed_most = 24,  /* with the prefix */
};

/* Packs an id into its prefix and 16 bytes. Returns how many bytes; 0: the text is no id, or its
 * digits are more than 128 bits, and there is no packed form. */
size_t id_pack(const char *text, char out[id_packed_most]);

/* The id of such bytes; out[0] is 0 where they are none. */
void id_unpack(const char *bytes, size_t length, char out[limit_id_size]);
