/* What managers know of what VMs use (--usage): of each its own, and nobody else's. */
#pragma once

struct sim_node;
struct sim_world;

void usage_check_end(struct sim_world *world, const struct sim_node *node);
