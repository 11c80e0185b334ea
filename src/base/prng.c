/* xoshiro256** word by word, after its authors' reference; a seed of 64 bits is spread over the
 * state by SplitMix64. */
#include "base/prng.h"

static uint64_t rotate(uint64_t value, int bits) {
    return (value << bits) | (value >> (64 - bits));
}

/* SplitMix64, the seeding that the authors of xoshiro recommend. */
static uint64_t split_mix(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void prng_init(struct prng *prng, uint64_t seed) {
    for (int i = 0; i < 4; i++)
        prng->state[i] = split_mix(&seed);
}

uint64_t prng_next(struct prng *prng) {
    uint64_t *s = prng->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t prng_below(struct prng *prng, uint64_t bound) {
    return bound ? prng_next(prng) % bound : 0;
}
