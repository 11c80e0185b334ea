/* A hash map from terminated texts to pointers (SipHash-2-4, open addressing).
 *
 * Keys and values belong to the caller; a key must live as long as its entry, which is why it
 * usually stands inside the value. The map gives no order: what is listed goes by a struct list. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct map_entry {
    const char *key; /* NULL: never used; map_gone: removed */
    uint64_t hash;
    void *value;
};

struct map {
    struct map_entry *entries;
    size_t capacity; /* a power of two, or 0 */
    size_t count;    /* live entries */
    size_t used;     /* live and removed */
    uint64_t seed;   /* keeps tenants from choosing colliding names */
};

void map_init(struct map *map, uint64_t seed);
void map_deinit(struct map *map);

/* The value, or NULL. */
void *map_get(const struct map *map, const char *key);

/* Adds; the key must not be there yet (asserted). */
void map_put(struct map *map, const char *key, void *value);

/* Removes and returns the value, or NULL. */
void *map_remove(struct map *map, const char *key);

/* SipHash-2-4 of bytes (Aumasson and Bernstein, 2012), for digests and maps. */
uint64_t map_hash(uint64_t seed, const void *bytes, size_t length);
