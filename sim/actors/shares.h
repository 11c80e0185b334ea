/* How managers above stand beside each other, by the owner of a cluster. */
#pragma once

#include "sim/world/world.h"

void shares_begin(struct sim_world *world, struct sim_node *node);
void shares_remember(struct sim_world *world, struct sim_node *node); /* after a restart */
void shares_act(struct sim_world *world, struct sim_node *node);

/* Is what was answered on the disk? Otherwise what is not, in words. */
bool shares_are_kept(struct sim_world *world, const struct sim_node *node, char *what,
                     size_t size);
