/* What operators let each tenant's new VMs use. */
#pragma once

#include "sim/world/world.h"

void permits_begin(const struct sim_world *world, struct sim_node *node);
void permits_free(const struct sim_world *world, struct sim_node *node);
void permits_remember(struct sim_world *world, struct sim_node *node); /* after a restart */
void permits_act(struct sim_world *world, struct sim_node *node);
const struct tenant_permissions *permits_of(const struct sim_world *world,
                                            const struct sim_node *node, const char *tenant);

/* Is what was answered on the disk? Otherwise what is not, in words. */
bool permits_are_kept(struct sim_world *world, const struct sim_node *node, char *what,
                      size_t size);
