/* The heap's first is who holds most: what is left up to the largest number is its time. */
#include "base/holders.h"

#include <assert.h>

#include "base/attributes.h"

static void settle(struct heap *holders, struct holder *holder) {
    if (holder->count)
        heap_set(holders, &holder->timer, UINT64_MAX - holder->count);
    else
        heap_remove(holders, &holder->timer);
}

void holders_gain(struct heap *holders, struct holder *holder) {
    holder->count++;
    settle(holders, holder);
}

void holders_lose(struct heap *holders, struct holder *holder) {
    assert(holder->count);
    holder->count--;
    settle(holders, holder);
}

struct holder *holders_most(const struct heap *holders) {
    struct timer *first = heap_first(holders);
    return first ? container_of(first, struct holder, timer) : NULL;
}
