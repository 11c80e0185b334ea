/* Copies that nobody asks for: how many are made at once, that they are made in time where nothing
 * stands in the way, and that a manager says of each VM whether they are. */
#pragma once

#include "sim/world/fact.h"

/* What is about to be on a manager's disk: copies that begin. */
void intervals_check(struct sim_world *world, const struct sim_node *node,
                     const struct effects *effects);

/* Now and then: what it says of its VMs. */
void intervals_check_minute(struct sim_world *world);

/* In a world that heals: has each VM a copy that is new enough? False: not yet; `what`: which has
 * not. */
bool intervals_are_kept(const struct sim_world *world, const struct sim_node *node, char *what,
                        size_t size);
