/* Which of a link's endpoints to use: the choosing alone, in virtual time. It knows nothing of
 * servers and connections; whoever has them asks failover_wants for each endpoint, makes it so,
 * and tells what became of it. Endpoints stand in the order of preference.
 *
 *   PAUSING --due--> TRYING --up--> USING --lost--> PAUSING
 *      ^  (opened)      |
 *      '-----lost-------'   pauses grow, with full jitter, until a use was a steady one
 *
 * The endpoint stays the same while what was in use may come back: the hold-down, of which up to a
 * quarter is taken off at random. Then each attempt goes to the next one, round and round. While a
 * lesser endpoint is in use, the better ones are probed, by the same steps; one that was up for
 * long enough takes over. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prng.h"

enum failover_state { FAILOVER_PAUSING, FAILOVER_TRYING, FAILOVER_USING };

/* One connection that is wanted: of its endpoint, and how it stands. */
struct failover_line {
    enum failover_state state;
    size_t endpoint;
    uint64_t due_ms;   /* PAUSING: when to try */
    uint64_t since_ms; /* USING */
    uint64_t lasts_ms; /* of a probe: how long it is to stay up */
    unsigned attempts; /* since a steady use */
    size_t failures;   /* of endpoints in this round */
};

struct failover {
    size_t count;
    uint64_t hold_down_ms, return_ms;
    struct prng prng;
    struct failover_line line, probe;
    uint64_t hold_until_ms; /* UINT64_MAX: nothing is waited for */
};

/* What to have of an endpoint. At most one is wanted for use and one, another, as a probe. */
enum failover_want { FAILOVER_NOTHING, FAILOVER_USE, FAILOVER_PROBE };

/* Why a connection ended. */
enum failover_loss {
    FAILOVER_BROKEN,
    FAILOVER_CONFLICT, /* somebody else uses our account: no other endpoint mends that */
};

/* count >= 1. return_ms: how long a better endpoint has to be up until it is used again. */
void failover_init(struct failover *failover, size_t count, uint64_t hold_down_ms,
                   uint64_t return_ms, uint64_t seed);

enum failover_want failover_wants(const struct failover *failover, size_t endpoint);

/* What became of a connection that was wanted; of any other they are ignored. An end that was
 * asked for, because the connection was no longer wanted, is not told. */
void failover_on_up(struct failover *failover, size_t endpoint, uint64_t now_ms);
void failover_on_lost(struct failover *failover, size_t endpoint, enum failover_loss loss,
                      uint64_t now_ms);
void failover_on_tick(struct failover *failover, uint64_t now_ms);

/* When it next wants a tick; UINT64_MAX: never. */
uint64_t failover_deadline_ms(const struct failover *failover);
