#include "base/heap.h"

#include <stdbool.h>

#include "base/memory.h"

void heap_deinit(struct heap *heap) {
    memory_free(heap->timers);
    *heap = (struct heap){0};
}

static bool timer_is_before(const struct timer *left, const struct timer *right) {
    return left->due_ms != right->due_ms ? left->due_ms < right->due_ms
                                         : left->order < right->order;
}

static void heap_put(struct heap *heap, size_t slot, struct timer *timer) {
    heap->timers[slot] = timer;
    timer->slot = slot;
}

static void heap_settle(struct heap *heap, struct timer *timer) {
    size_t slot = timer->slot;
    while (slot > 1 && timer_is_before(timer, heap->timers[slot / 2])) {
        heap_put(heap, slot, heap->timers[slot / 2]);
        slot /= 2;
    }
    for (;;) {
        size_t child = slot * 2;
        if (child > heap->count)
            break;
        if (child < heap->count && timer_is_before(heap->timers[child + 1], heap->timers[child]))
            child++;
        if (!timer_is_before(heap->timers[child], timer))
            break;
        heap_put(heap, slot, heap->timers[child]);
        slot = child;
    }
    heap_put(heap, slot, timer);
}

void heap_set(struct heap *heap, struct timer *timer, uint64_t due_ms) {
    timer->due_ms = due_ms;
    timer->order = heap->next_order++;
    if (!timer->slot) {
        if (heap->count + 1 >= heap->capacity) {
            heap->capacity = heap->capacity ? heap->capacity * 2 : 16;
            heap->timers =
                memory_resize(heap->timers, heap->capacity * sizeof(struct timer *));
        }
        heap_put(heap, ++heap->count, timer);
    }
    heap_settle(heap, timer);
}

void heap_remove(struct heap *heap, struct timer *timer) {
    size_t slot = timer->slot;
    if (!slot)
        return;
    timer->slot = 0;
    struct timer *last = heap->timers[heap->count--];
    if (last == timer)
        return;
    heap_put(heap, slot, last);
    heap_settle(heap, last);
}

struct timer *heap_first(const struct heap *heap) {
    return heap->count ? heap->timers[1] : NULL;
}
