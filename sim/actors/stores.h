/* What happens to stores, and who speaks by others' names: agents lose theirs, twins say hello by a
 * place's key, an upstream manager that was followed comes back. And what owners make of it. */
#pragma once

#include "sim/world/world.h"

void stores_lose(struct sim_world *world, struct sim_node *node);
void stores_restore(struct sim_world *world, struct sim_node *node); /* a cluster's */
void stores_greet(struct sim_world *world, struct sim_node *node); /* a twin of the node's */
void stores_follow(struct sim_world *world, struct sim_node *node); /* by a successor */

/* The node's owner takes in what its hosts have and it does not know, and accepts what has come
 * with another store, where that is the right one and knows all that it has. */
void stores_accept(struct sim_world *world, struct sim_node *node);
bool stores_are_accepted(struct sim_world *world);

/* Nobody speaks by another's name any more. */
void stores_end(struct sim_world *world);
