/* Labels, groups and networks are kept where a VM is put, and tenants' VMs use what they may. */
#pragma once

#include "sim/world/fact.h"

/* A VM is saved. */
void placed_check(struct sim_world *world, struct sim_node *node, const struct vm *saved);

/* An operation is saved. */
void placed_check_permits(struct sim_world *world, const struct sim_node *node,
                          const struct operation *op);
