/* What is asked of a node: whether it is an upstream, what its clocks show, which has a name. */
#pragma once

#include "sim/world/world.h"

bool node_is_upstream(const struct sim_node *node);
/* Is there a process that its owner and its tenants reach? One that was followed is not asked. */
bool node_serves(const struct sim_node *node);
struct sim_node *node_named(const struct sim_world *world, const char *name);

uint64_t node_wall_ms(const struct sim_world *world, const struct sim_node *node);

/* The node's monotonic clock, and the world's time at which that shows `due_ms`. */
uint64_t node_now_ms(const struct sim_world *world, const struct sim_node *node);
uint64_t node_world_ms(const struct sim_node *node, uint64_t due_ms);
