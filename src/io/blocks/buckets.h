/* What the downstream manager's role asks of the block store, done by a worker, since it may last:
 * EFFECT_BUCKET in, EVENT_BUCKET out. What is asked of one VM is done in its order. */
#pragma once

#include "core/effect.h"
#include "io/blocks/store.h"
#include "io/shell/ports.h"

struct buckets;

/* NULL with `err`. The block store stays the caller's. */
struct buckets *buckets_new(struct blocks *blocks, struct shell *shell, struct error *err);

/* EVENT_BUCKET follows, where somebody waits. */
void buckets_order(struct buckets *buckets, const struct effect_bucket *order);

/* Waits for what is being done; what is not begun is not done. */
void buckets_free(struct buckets *buckets);
