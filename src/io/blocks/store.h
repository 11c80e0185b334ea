/* The block store: compressed blocks by digest, and the roots that say which of them make a disk.
 *
 * Each VM has a bucket with a key of its own, so that equal blocks of two VMs have nothing in
 * common. What is put is on disk when the call returns, and is looked at: bytes that are not what
 * their digest says are refused when they come, and dropped when they are read, so that whoever has
 * them still sends them again. A root is taken once all that it names is there; blocks that no kept
 * root leads to are swept. A bucket is bounded, and so is the whole store. Thread-safe; calls
 * block. */
#pragma once

#include "io/blocks/pack.h"
#include "message/limits.h"

enum { roots_kept_most = 8 };

struct blocks;

/* A VM's bucket in a store. */
struct blocks_of {
    struct blocks *blocks;
    const char *vm;
};

struct blocks_settings {
    const char *path;       /* of the file */
    uint64_t most_bytes;    /* of the file; 0: as much as the disk gives */
    uint64_t reserve_bytes; /* left free of its disk; 0: the usual */
};

/* NULL with `err`. */
struct blocks *blocks_open(const struct blocks_settings *settings, struct error *err);
void blocks_close(struct blocks *blocks);

/* Expected alternatives. */
enum {
    BLOCKS_LACKING = 1, /* it, or something of it, is not here */
    BLOCKS_WRONG,       /* not what its digest says, or of no form that is known */
    BLOCKS_FULL,        /* the bucket, the store or the disk has no room for it */
    BLOCKS_UNKNOWN,     /* there is no such bucket */
};

/* The bucket of a VM, which is made if there is none: with a new key then. */
int blocks_bucket(const struct blocks_of *of, struct block_key *out_key,
                  struct error *err);

/* From here on whoever shows this token may put copies of the VM, for the operation, and nobody
 * else; again: the same token. A later operation's ends it. */
enum { blocks_token_size = 2 * 32 + 1 };
int blocks_admit(const struct blocks_of *of, const char *op,
                 char out_token[blocks_token_size], struct error *err);

/* Is it the token's digest (SHA-256, hex) of whoever is admitted? */
bool blocks_admits(const struct blocks_of *of, const char *token_hash);

/* What may be held in it: `disk_bytes` are those of the VM's disk. */
int blocks_bound(const struct blocks_of *of, uint64_t disk_bytes, struct error *err);

/* Which are not here: sets lacking[i] where the digest is kept nowhere. */
int blocks_lack(const struct blocks_of *of, const struct block_digests *digests, bool *lacking);

/* All blocks of a batch or none; those that are here already are left alone. 0, BLOCKS_WRONG,
 * BLOCKS_FULL, BLOCKS_UNKNOWN; negative. */
int blocks_put(const struct blocks_of *of, const struct text *batch,
               struct error *err);

/* Adds the block, packed, to the batch. 0, BLOCKS_LACKING, BLOCKS_UNKNOWN; negative. */
int blocks_get(const struct blocks_of *of, const struct block_digest *digest,
               struct text *batch, struct error *err);

/* Takes a root whose pages and blocks are all here, and names it by its digest. 0, BLOCKS_LACKING,
 * BLOCKS_WRONG, BLOCKS_FULL, BLOCKS_UNKNOWN; negative. */
int blocks_put_root(const struct blocks_of *of, const struct text *root,
                    struct block_digest *out_digest, struct error *err);
int blocks_get_root(const struct blocks_of *of, const struct block_digest *digest,
                    struct text *root, struct error *err);

/* Which of these versions are not here as a whole: sets lacking[i]. BLOCKS_READ takes no index's
 * word, and reads each block, which takes its time. 0, BLOCKS_UNKNOWN; negative. */
enum blocks_look { BLOCKS_LISTED, BLOCKS_READ };
int blocks_look_at(const struct blocks_of *of, const struct block_digests *roots,
                   enum blocks_look look, bool *lacking);

/* Keeps these roots, at most roots_kept_most, and sweeps what none of them leads to. One that is
 * not here: BLOCKS_LACKING, and nothing is swept. */
int blocks_keep(const struct blocks_of *of, const struct block_digests *roots, struct error *err);

/* The whole bucket; gone already: no harm. */
int blocks_drop(const struct blocks_of *of, struct error *err);

/* Drops each bucket of a VM that nobody knows, as a crash may have left it. */
int blocks_drop_unknown(struct blocks *blocks, bool (*is_known)(void *context, const char *vm),
                        void *context, struct error *err);

/* How much a bucket holds: blocks and bytes as they are kept. */
struct blocks_held {
    uint64_t blocks, bytes;
};
int blocks_measure(const struct blocks_of *of, struct blocks_held *out, struct error *err);
