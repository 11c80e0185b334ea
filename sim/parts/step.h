/* Steps: events go to a node's role, and what the role wants gathers until its turn ends (shell.h).
 */
#pragma once

#include "sim/world/world.h"

/* Gives one event to a node; its effects follow at the end of the node's turn. */
void step_give(struct sim_world *world, struct sim_node *node, struct event *event);

/* The process is gone, with all that its steps wanted and that was not committed. */
void step_drop(struct sim_world *world, struct sim_node *node);
