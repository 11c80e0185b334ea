/* Who of those that share a table holds most of it. Where the table is full, whoever holds most
 * gives up what is oldest of its own: so each has its even part for sure, and the rest goes to who
 * needs it. One more or less costs O(log holders). */
#pragma once

#include "base/heap.h"

struct holder {
    struct timer timer; /* in the heap of all holders, while it holds something */
    uint64_t count;
};

void holders_gain(struct heap *holders, struct holder *holder);
void holders_lose(struct heap *holders, struct holder *holder);

/* Of those with most, whoever has had so much for the longest time; NULL: nobody has anything. */
struct holder *holders_most(const struct heap *holders);
