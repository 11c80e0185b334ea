/* Worker threads with lanes: work of one lane is done in order, work of different lanes at the
 * same time, as far as threads go. Adapters put here what blocks.
 *
 * A worker takes all that waits in a lane at once, so that work which one act settles for everyone
 * (a download) is done once. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/list.h"

struct pool;

/* The first member of whatever is queued. */
struct work {
    struct list node;
    char lane[72];
};

/* Does everything in `batch` (struct work, of one lane, in order, at least one) and frees it. Runs
 * on a worker; `context` as given to pool_new. */
typedef void (*pool_run)(void *context, struct list *batch);

/* `most` is how much may wait. NULL with `err` when the system gives no threads. */
struct pool *pool_new(uint32_t workers, uint32_t most, pool_run run, void *context,
                      struct error *err);

/* Work that a worker adds while it runs a batch may wait for the end of that batch. */
enum pool_added { POOL_ADDED = 0, POOL_FULL = 1 };

/* Queues `work`, which the pool owns from then on; POOL_FULL: it remains the caller's. */
enum pool_added pool_add(struct pool *pool, struct work *work);

/* Takes back what waits, waits for what is being done, ends the threads. `drop` frees one piece
 * of work that was never begun. */
void pool_free(struct pool *pool, void (*drop)(struct work *work));
