/* A small seeded random generator (xoshiro256**, Blackman and Vigna, 2018). For ids, jitter and
 * simulation; never for secrets, which the adapters draw from the operating system. */
#pragma once

#include <stdint.h>

struct prng {
    uint64_t state[4];
};

void prng_init(struct prng *prng, uint64_t seed);
uint64_t prng_next(struct prng *prng);

/* A number from 0 to bound - 1; bound 0 gives 0. */
uint64_t prng_below(struct prng *prng, uint64_t bound);
