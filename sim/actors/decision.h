/* What an owner or operator decides, asked of the manager by its API. */
#pragma once

#include "sim/world/world.h"

/* False: it was refused. */
bool decision_ask(struct sim_world *world, struct sim_node *node, struct request *request);

/* What is due in this moment passes first, so that the next step is of one thing alone. */
void decision_let_due_pass(struct sim_world *world, struct sim_node *node);
