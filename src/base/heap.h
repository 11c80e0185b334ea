/* An intrusive heap of timers, earliest first. A node in no heap has slot 0.
 * Equal times come out in the order in which they were set, so that runs can be replayed. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct timer {
    uint64_t due_ms;
    uint64_t order;
    size_t slot; /* place in the heap, from 1 */
};

/* A timer with its time and order beside it, so that a comparison need not look at the timer. */
struct heap_slot {
    uint64_t due_ms;
    uint64_t order;
    struct timer *timer;
};

struct heap {
    struct heap_slot *slots; /* [1..count] */
    size_t count, capacity;
    uint64_t next_order;
};

void heap_deinit(struct heap *heap);

/* Sets or moves `timer`. */
void heap_set(struct heap *heap, struct timer *timer, uint64_t due_ms);

/* Takes `timer` out, if it is in. */
void heap_remove(struct heap *heap, struct timer *timer);

/* The earliest, or NULL. */
struct timer *heap_first(const struct heap *heap);
