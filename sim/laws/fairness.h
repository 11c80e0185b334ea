/* Several upstreams share a cluster: each has its part of what is under way, and what is kept for
 * it. */
#pragma once

#include "core/below/pace.h"
#include "sim/laws/ledger.h"
#include "sim/world/fact.h"

/* Of a manager. */
struct last_pace {
    struct entry entry;
    struct pace pace; /* of those above it, after the step before */
};

struct fairness {
    struct ledger paces; /* of struct last_pace */
};

/* After a step. */
void fairness_check(struct fairness *fairness, struct sim_world *world,
                    const struct sim_node *node, const struct effects *effects);

/* An operation has ended: where there was no room for it, none was kept. */
void fairness_check_had(struct sim_world *world, const struct sim_node *node,
                        const struct operation *op);
