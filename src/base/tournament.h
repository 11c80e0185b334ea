/* Who of many has most, known at any time: a complete binary tree in which the better of each two
 * neighbours goes on. Entrants are numbered from 0; of equal scores the lower number wins.
 *
 * A changed score costs O(log n), the best is at hand, and the best but for a few costs
 * O(few * log n). Twelve to sixteen bytes per entrant. The core places VMs by it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct tournament {
    int64_t *scores;   /* [count], 0 at the beginning */
    uint32_t *winners; /* of the pair of nodes 2i and 2i + 1, at i; from 1 */
    size_t count;
    size_t leaves; /* a power of two, at least count */
};

void tournament_init(struct tournament *tournament, size_t count);
void tournament_deinit(struct tournament *tournament);

void tournament_set(struct tournament *tournament, size_t entrant, int64_t score);

/* Entrants that do not take part; at most tournament_excluded_most of them. */
struct tournament_excluded {
    const uint16_t *entrants;
    size_t count;
};
enum { tournament_excluded_most = 8 };

/* The one with the highest score above 0; `count` if nobody has one. */
size_t tournament_best(const struct tournament *tournament, struct tournament_excluded excluded);
