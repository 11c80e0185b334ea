/* Owners of clusters and operators of upstreams: what they lend, to whom, and which hosts are open.
 */
#pragma once

#include "sim/world/world.h"

void owners_begin(struct sim_world *world, struct sim_node *node);
void owners_reconfigure(struct sim_world *world, struct sim_node *node); /* while it is away */
void owners_remember(struct sim_world *world, struct sim_node *node);    /* after a restart */
void owners_act(struct sim_world *world, struct sim_node *node);

/* What the node's owner lets the manager above ask for. */
const struct permissions *owners_permit(const struct sim_node *node, size_t manager);

/* Is what an owner was answered on the disk? Otherwise what is not, in words. */
bool owners_are_kept(struct sim_world *world, const struct sim_node *node, char *what,
                     size_t size);

/* When the world heals; false: some still end and cannot be restored yet. */
bool owners_restore(struct sim_world *world);

/* Of a world whose end is demanded: every host is open, and lends all that may be asked of it. */
void owners_relent(struct sim_world *world);
