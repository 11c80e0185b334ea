/* Files in which zeros take no room: written so, and read as the pieces that hold something. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct sparse_run {
    uint64_t at;
    const void *bytes;
    size_t length;
};

/* Writes what is not zero; runs of zeros are left as holes. */
int sparse_write(int fd, const struct sparse_run *run, struct error *err);

struct sparse_piece {
    uint64_t at, length;
};

/* In order; holes between them are large. */
struct sparse_map {
    struct sparse_piece *pieces;
    size_t count;
    int fd; /* the caller's */
};

int sparse_map_read(struct sparse_map *map, int fd, uint64_t length, struct error *err);
void sparse_map_clean(struct sparse_map *map);
