/* Open addressing with linear probing. An entry that is removed leaves a mark, and a map that is
 * three quarters full of entries and marks is rebuilt, at least twice as large as what lives in
 * it. */
#include "base/map.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

static const char map_gone[1] = "";

/* Four words that stay in registers: this is the hottest arithmetic of the project. */
struct sip {
    uint64_t a, b, c, d;
};

static inline uint64_t rotate(uint64_t value, int bits) {
    return (value << bits) | (value >> (64 - bits));
}

static inline __attribute__((always_inline)) struct sip sip_round(struct sip v) {
    v.a += v.b;
    v.b = rotate(v.b, 13) ^ v.a;
    v.a = rotate(v.a, 32);
    v.c += v.d;
    v.d = rotate(v.d, 16) ^ v.c;
    v.a += v.d;
    v.d = rotate(v.d, 21) ^ v.a;
    v.c += v.b;
    v.b = rotate(v.b, 17) ^ v.c;
    v.c = rotate(v.c, 32);
    return v;
}

uint64_t map_hash(uint64_t seed, const void *bytes, size_t length) {
    const unsigned char *at = bytes;
    struct sip v = {seed ^ 0x736f6d6570736575u, ~seed ^ 0x646f72616e646f6du,
                    seed ^ 0x6c7967656e657261u, ~seed ^ 0x7465646279746573u};
    uint64_t last = (uint64_t)length << 56;
    size_t left = length;
    for (; left >= 8; left -= 8, at += 8) {
        uint64_t word = 0;
        memcpy(&word, at, 8);
        v.d ^= word;
        v = sip_round(sip_round(v));
        v.a ^= word;
    }
    for (size_t i = 0; i < left; i++)
        last |= (uint64_t)at[i] << (8 * i);
    v.d ^= last;
    v = sip_round(sip_round(v));
    v.a ^= last;
    v.c ^= 0xff;
    v = sip_round(sip_round(sip_round(sip_round(v))));
    return v.a ^ v.b ^ v.c ^ v.d;
}

void map_init(struct map *map, uint64_t seed) { *map = (struct map){.seed = seed}; }

void map_deinit(struct map *map) {
    memory_free(map->entries);
    *map = (struct map){.seed = map->seed};
}

static struct map_entry *map_find(const struct map *map, const char *key, uint64_t hash) {
    if (!map->capacity)
        return NULL;
    for (size_t i = hash & (map->capacity - 1);; i = (i + 1) & (map->capacity - 1)) {
        struct map_entry *entry = &map->entries[i];
        if (!entry->key)
            return NULL;
        if (entry->key != map_gone && entry->hash == hash && strcmp(entry->key, key) == 0)
            return entry;
    }
}

void *map_get(const struct map *map, const char *key) {
    struct map_entry *entry = map_find(map, key, map_hash(map->seed, key, strlen(key)));
    return entry ? entry->value : NULL;
}

static void map_place(struct map *map, const char *key, uint64_t hash, void *value) {
    size_t i = hash & (map->capacity - 1);
    while (map->entries[i].key && map->entries[i].key != map_gone)
        i = (i + 1) & (map->capacity - 1);
    if (!map->entries[i].key)
        map->used++;
    map->entries[i] = (struct map_entry){.key = key, .hash = hash, .value = value};
    map->count++;
}

static void map_rebuild(struct map *map, size_t capacity) {
    struct map old = *map;
    map->entries = memory_new(capacity, sizeof(*map->entries));
    map->capacity = capacity;
    map->count = map->used = 0;
    for (size_t i = 0; i < old.capacity; i++)
        if (old.entries[i].key && old.entries[i].key != map_gone)
            map_place(map, old.entries[i].key, old.entries[i].hash, old.entries[i].value);
    memory_free(old.entries);
}

void map_put(struct map *map, const char *key, void *value) {
    uint64_t hash = map_hash(map->seed, key, strlen(key));
    assert(!map_find(map, key, hash));
    if ((map->used + 1) * 4 > map->capacity * 3) {
        size_t capacity = 4; /* most maps of an agent hold a VM or two */
        while (capacity * 3 < (map->count + 1) * 6)
            capacity *= 2;
        map_rebuild(map, capacity);
    }
    map_place(map, key, hash, value);
}

void *map_remove(struct map *map, const char *key) {
    struct map_entry *entry = map_find(map, key, map_hash(map->seed, key, strlen(key)));
    if (!entry)
        return NULL;
    void *value = entry->value;
    *entry = (struct map_entry){.key = map_gone};
    map->count--;
    return value;
}
