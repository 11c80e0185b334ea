/* Copies of VMs' disks: what a manager lists is there, whole, and no older than it says; and what
 * those above are told is what there is. */
#pragma once

#include "sim/laws/ledger.h"
#include "sim/world/fact.h"

/* Of a VM at a manager. */
struct listed_copies {
    struct entry entry;
    uint64_t newest; /* the number of the newest that was looked at */
};

struct copies {
    struct ledger listed; /* of struct listed_copies */
};

/* What is about to be on a manager's disk. */
void copies_check(struct copies *copies, struct sim_world *world, const struct sim_node *node,
                  const struct effects *effects);

/* In a world at rest. */
void copies_check_end(struct sim_world *world, const struct sim_node *node);
