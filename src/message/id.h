/* Ids: a kind's prefix, 48 bits of time and 80 random bits in Crockford's base 32 (the ULID
 * layout), lower case: "vm-01jdabc…". Ids of one maker grow, so a list by id is a list by age. */
#pragma once

#include <stdbool.h>
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

bool id_is_valid(const char *text);
