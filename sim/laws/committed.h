/* What is there for good: what is newer never gives way to what is older, a deadline ends what
 * nobody confirmed, and a lock holds. */
#pragma once

#include "sim/laws/ledger.h"
#include "sim/world/fact.h"

/* Of an operation under way. */
struct deadline {
    struct entry entry;
    uint64_t due_ms, allowed_ms;
};

/* Of a VM, as it was committed last. */
struct newest {
    struct entry entry;
    uint64_t generation, place_generation;
    uint32_t epoch;
};

struct committed {
    struct ledger deadlines, newest, locked; /* the last of struct entry, by VM */
};

void committed_check(struct committed *committed, struct sim_world *world,
                     const struct sim_node *node, const struct effects *effects);
void committed_started(struct committed *committed, const struct sim_world *world,
                       const struct sim_node *node);
void committed_check_minute(const struct committed *committed, struct sim_world *world);
