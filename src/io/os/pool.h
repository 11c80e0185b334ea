/* Worker threads with lanes: work of one lane is done in order, work of different lanes at the
 * same time, as far as threads go. Adapters put here what blocks.
 *
 * A worker takes all that waits in a lane at once, so that work which one act settles for everyone
 * (a download) is done once. What comes of several short batches is told at once, too, when the
 * worker rests. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"

struct pool;

/* The first member of whatever is queued. */
struct work {
    struct list node;
    char lane[72];
};

/* What a pool's workers call, with its context. */
struct pool_calls {
    /* Does everything in `batch` (struct work, of one lane, in order, at least one), frees it. */
    void (*run)(void *context, struct list *batch);
    /* After a batch: nothing waits any more, or that lasted, or there were many without a rest. */
    void (*rest)(void *context);
    void *context;
};

/* `most` is how much may wait. NULL with `err` when the system gives no threads. */
struct pool *pool_new(uint32_t workers, uint32_t most, const struct pool_calls *calls,
                      struct error *err);

/* Work that a worker adds while it runs a batch, or rests, may wait for the end of that. */
enum pool_added { POOL_ADDED = 0, POOL_FULL = 1 };

/* Queues `work`, which the pool owns from then on; POOL_FULL: it remains the caller's. */
enum pool_added pool_add(struct pool *pool, struct work *work);

/* Is there work of this lane, that waits or is being done? */
bool pool_has(struct pool *pool, const char *lane);

/* Takes back what waits, waits for what is being done, ends the threads. `drop` frees one piece
 * of work that was never begun. Nothing may be added afterwards; others may still ask pool_has. */
void pool_end(struct pool *pool, void (*drop)(struct work *work));

/* Ends it, where that has not been done, and frees it. */
void pool_free(struct pool *pool, void (*drop)(struct work *work));
