/* Processes: they begin from what is on their disk, and end without a word. */
#pragma once

#include "sim/world/world.h"

/* Ends a process: what was not committed is gone. It comes back after `after_ms`. */
void process_crash(struct sim_world *world, struct sim_node *node, uint64_t after_ms);

/* Ends a process whose role goes on to be: it is the caller's. */
struct role *process_take(struct sim_world *world, struct sim_node *node, uint64_t after_ms);
void process_start(struct sim_world *world, struct sim_node *node);

/* A host loses power, and its agent with it. */
void process_lose_power(struct sim_world *world, struct sim_node *node);
