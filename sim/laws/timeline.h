/* Law 6: any operation can explain itself. */
#pragma once

#include "sim/world/fact.h"

/* What an operation that is saved tells of itself. */
void timeline_check(struct sim_world *world, const struct sim_node *node,
                    const struct operation *op);

/* What those under way say that they wait for. */
void timeline_check_waits(struct sim_world *world, const struct sim_node *node);
