/* Managers' block stores: what they have of VMs' copies, which a crash of the manager leaves as it
 * is, and the hosts that put copies there. */
#pragma once

#include "sim/world/world.h"

struct sim_copy {
    struct list node; /* in sim_bucket.copies, the oldest first */
    char op[limit_id_size];
    char root[limit_digest_size];
    char image[limit_digest_size]; /* of the disk */
    uint64_t made_ms; /* true time: the disk is as it was then */
    bool is_whole;    /* otherwise some of it did not come */
    bool is_damaged;  /* since, as whoever reads it sees */
    bool was_proven;  /* its manager was told that it is whole */
    bool was_lacking; /* or that it is not */
    bool is_kept;     /* otherwise it has gone: what was there once stays known */
};

/* Does what is ordered; EVENT_BUCKET follows where somebody waits. */
void blocks_obey(struct sim_world *world, struct sim_node *node,
                 const struct effect_bucket *order);

/* A host puts a copy of the disk as it is now, whole or in part. */
enum blocks_put { BLOCKS_PUT_WHOLE, BLOCKS_PUT_PART };
enum code blocks_put(struct sim_world *world, const struct sim_node *host,
                     const struct effect_job *job, enum blocks_put put);

/* What a host is to make a disk of; NULL: it may not have it, or it is not there as a whole. */
const struct sim_copy *blocks_fetch(const struct sim_world *world, const struct sim_node *host,
                                    const struct effect_job *job);

/* It is read now: that it is damaged may show only then. */
void blocks_spoil(struct sim_world *world, const struct sim_node *host,
                  const struct effect_job *job);

/* The newest copy that the operation has put into any of them; NULL: none. */
const struct sim_copy *blocks_of_op(const struct sim_world *world, const char *vm,
                                    const char *op);

/* The newest that is as it is wanted; NULL: there is none. */
const struct sim_copy *blocks_find(const struct sim_node *node, const char *vm,
                                   bool (*is_wanted)(const struct sim_copy *copy,
                                                     const void *what),
                                   const void *what);

void blocks_free(struct sim_node *node);
