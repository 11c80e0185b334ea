/* Laws 4 and 6: an operation's end is true when it is written, and what is forgotten is gone. */
#pragma once

#include "sim/laws/ledger.h"
#include "sim/world/fact.h"

/* VMs of which those above may hear something older than what is so, as an owner acted. */
struct ends {
    struct ledger evicted, moved; /* of struct entry, under the first node: of the whole world */
};

void ends_evicted(struct ends *ends, const struct sim_world *world, const char *vm);
void ends_moved(struct ends *ends, const struct sim_world *world, const char *vm);
bool ends_was_evicted(const struct ends *ends, const struct sim_world *world, const char *vm);

/* An operation is saved that ends in this moment. */
void ends_check(const struct ends *ends, struct sim_world *world, const struct sim_node *node,
                const struct operation *op);
void ends_check_forgotten(struct sim_world *world, const struct sim_node *node,
                          const struct record *record);
