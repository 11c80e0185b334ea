/* The one file of a block store, an SQLite database, as its statements; what they are for is
 * blocks/store's matter, which holds its lock. */
#pragma once

#include "base/error.h"
#include "io/blocks/tree.h"

enum block_query {
    BLOCKS_BEGIN,
    BLOCKS_COMMIT,
    BLOCKS_ROLLBACK,
    BLOCKS_BUCKET_ADD,    /* name, key, secret */
    BLOCKS_BUCKET_FIND,   /* name: id, key, most, held, secret, admitted */
    BLOCKS_BUCKET_ADMIT,  /* admitted, id */
    BLOCKS_BUCKET_BOUND,  /* most, id */
    BLOCKS_BUCKET_HOLDS,  /* what is added, id */
    BLOCKS_BUCKET_COUNT,  /* id: blocks, bytes */
    BLOCKS_BUCKET_DROP,   /* id */
    BLOCKS_BUCKET_NEXT,   /* id: the next one's id, name */
    BLOCKS_BLOCK_ADD,     /* id, digest, bytes */
    BLOCKS_BLOCK_HAVE,    /* id, digest */
    BLOCKS_BLOCK_GET,     /* id, digest: bytes */
    BLOCKS_BLOCK_DROP,    /* id, digest */
    BLOCKS_ROOT_ADD,      /* id, digest, bytes */
    BLOCKS_ROOT_GET,      /* id, digest: bytes */
    BLOCKS_ROOTS,         /* id: digest */
    BLOCKS_ROOT_DROP,     /* id, digest */
    BLOCKS_UNMARK,        /* none is marked */
    BLOCKS_MARK,          /* digest: is not to be swept */
    BLOCKS_SWEEP,         /* id: drops the blocks that are not marked */
    BLOCKS_QUERY_COUNT,
};

struct blocks_database;
struct sqlite3_stmt;

struct blocks_database *blocks_database_open(const char *path, uint64_t most_bytes,
                                             struct error *err);
void blocks_database_close(struct blocks_database *database);

/* One use of a statement: bound from the left, stepped, read, ended. */
struct block_use {
    struct blocks_database *database;
    struct sqlite3_stmt *statement;
    int bound;
};
struct block_use block_use(struct blocks_database *database, enum block_query query);
void block_use_number(struct block_use *use, int64_t number);
void block_use_bytes(struct block_use *use, const void *bytes, size_t length);
void block_use_text(struct block_use *use, const char *text);

/* 1: there is a row; 0: none, or it is done; negative with `err`, -ENOSPC where there is no
 * room. */
int block_use_step(struct block_use *use, struct error *err);
int64_t block_use_read(const struct block_use *use, int column);
const void *block_use_read_bytes(const struct block_use *use, int column, size_t *out_length);
void block_use_end(struct block_use *use);

/* Step and end, where no row is read. */
int block_use_do(struct block_use *use, struct error *err);

/* Gives back to the file system what was swept. */
int blocks_database_shrink(struct blocks_database *database, struct error *err);
