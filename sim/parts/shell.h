/* The process around a role, as io/shell is it in production: what the steps of one turn want is
 * stored and performed by the contract of core/turn.h. A process may crash at any point of that,
 * and what was not committed is lost. */
#pragma once

#include "sim/world/world.h"

/* The turn or the commit that is due now. */
void shell_turn(struct sim_world *world, struct sim_node *node);
