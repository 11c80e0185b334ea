/* A heap with four children to each node. The due times stand in the heap's own array, so that
 * what settles compares them without touching the timers. */
#include "base/heap.h"

#include <stdbool.h>

#include "base/memory.h"

void heap_deinit(struct heap *heap) {
    memory_free(heap->slots);
    *heap = (struct heap){0};
}

static bool is_before(const struct heap_slot *left, const struct heap_slot *right) {
    return left->due_ms != right->due_ms ? left->due_ms < right->due_ms
                                         : left->order < right->order;
}

static void heap_put(struct heap *heap, size_t slot, const struct heap_slot *timer) {
    heap->slots[slot] = *timer;
    timer->timer->slot = slot;
}

/* Four children to each: half as many timers are touched on the way as with two. */
enum { children = 4 };

static size_t parent_of(size_t slot) { return (slot + children - 2) / children; }

/* The earliest child, or 0. */
static size_t first_of(const struct heap *heap, size_t slot) {
    size_t first = (slot - 1) * children + 2, end = first + children;
    if (first > heap->count)
        return 0;
    end = end > heap->count + 1 ? heap->count + 1 : end;
    for (size_t child = first + 1; child < end; child++)
        if (is_before(&heap->slots[child], &heap->slots[first]))
            first = child;
    return first;
}

static void heap_settle(struct heap *heap, struct timer *timer) {
    const struct heap_slot settling = {timer->due_ms, timer->order, timer};
    size_t slot = timer->slot;
    while (slot > 1 && is_before(&settling, &heap->slots[parent_of(slot)])) {
        heap_put(heap, slot, &heap->slots[parent_of(slot)]);
        slot = parent_of(slot);
    }
    for (;;) {
        size_t child = first_of(heap, slot);
        if (!child || !is_before(&heap->slots[child], &settling))
            break;
        heap_put(heap, slot, &heap->slots[child]);
        slot = child;
    }
    heap_put(heap, slot, &settling);
}

void heap_set(struct heap *heap, struct timer *timer, uint64_t due_ms) {
    timer->due_ms = due_ms;
    timer->order = heap->next_order++;
    if (!timer->slot) {
        if (heap->count + 1 >= heap->capacity) {
            heap->capacity = heap->capacity ? heap->capacity * 2 : 16;
            heap->slots = memory_resize(heap->slots, heap->capacity * sizeof(*heap->slots));
        }
        timer->slot = ++heap->count;
    }
    heap_settle(heap, timer);
}

void heap_remove(struct heap *heap, struct timer *timer) {
    size_t slot = timer->slot;
    if (!slot)
        return;
    timer->slot = 0;
    struct timer *last = heap->slots[heap->count--].timer;
    if (last == timer)
        return;
    last->slot = slot;
    heap_settle(heap, last);
}

struct timer *heap_first(const struct heap *heap) {
    return heap->count ? heap->slots[1].timer : NULL;
}
