/* Operators' rules hold for what is begun while they stand. */
#pragma once

#include "sim/laws/ledger.h"

/* Of an operation that makes a VM. */
struct ruled_op {
    struct entry entry;
    char rule[limit_name_size]; /* that applied when it began; "": none did */
    uint64_t open;              /* a bit for each cluster in which it lets the VM be */
};

struct ruled {
    struct ledger ops; /* of struct ruled_op */
};

/* An operation is saved. */
void ruled_check(struct ruled *ruled, struct sim_world *world, const struct sim_node *node,
                 const struct operation *op);
