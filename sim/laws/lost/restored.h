/* What comes back when a host is lost: from its newest copy, where its tenant wants that, and from
 * its image otherwise; and no older than is told. */
#pragma once

#include "sim/laws/ledger.h"
#include "sim/world/fact.h"

/* Of a VM at a manager. */
struct restart {
    struct entry entry;
    uint32_t count, epoch;
    uint64_t told_ms; /* vm.restored_ms */
    enum move move;   /* as it was saved last */
    bool is_due;      /* it is on its way to a host, from a copy */
};

struct restored {
    struct ledger restarts; /* of struct restart */
};

/* What is about to be on a manager's disk. */
void restored_check(struct restored *restored, struct sim_world *world,
                    const struct sim_node *node, const struct effects *effects);

/* A host is about to make a VM. */
void restored_check_job(const struct restored *restored, struct sim_world *world,
                        const struct sim_node *host, const struct effect_job *job);

/* In a world at rest. */
void restored_check_end(struct sim_world *world, const struct sim_node *node);
