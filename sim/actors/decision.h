/* What an owner or operator decides, asked of the manager by its API. */
#pragma once

#include "sim/world/world.h"

/* False: it was refused. */
bool decision_ask(struct sim_world *world, struct sim_node *node, struct request *request);
