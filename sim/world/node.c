/* A node's clocks, which differ from the world's. */
#include "sim/world/node.h"

bool node_is_upstream(const struct sim_node *node) {
    return node->settings.kind == ROLE_UPSTREAM;
}

bool node_serves(const struct sim_node *node) { return node->role && !node->is_followed; }

struct sim_node *node_named(const struct sim_world *world, const char *name) {
    return map_get(&world->names, name);
}

uint64_t node_wall_ms(const struct sim_world *world, const struct sim_node *node) {
    return world->now_ms + sim_wall_start_ms + (uint64_t)node->clock_ms;
}

static int64_t drifted(const struct sim_node *node, uint64_t now_ms) {
    return (int64_t)now_ms * node->drift_ppm / 1000000;
}

uint64_t node_now_ms(const struct sim_world *world, const struct sim_node *node) {
    return world->now_ms + (uint64_t)drifted(node, world->now_ms);
}

uint64_t node_world_ms(const struct sim_node *node, uint64_t due_ms) {
    if (due_ms == UINT64_MAX || !node->drift_ppm)
        return due_ms;
    uint64_t guess = due_ms - (uint64_t)((int64_t)due_ms * node->drift_ppm /
                                         (1000000 + node->drift_ppm));
    while (guess && guess + (uint64_t)drifted(node, guess) >= due_ms)
        guess--;
    while (guess + (uint64_t)drifted(node, guess) < due_ms)
        guess++;
    return guess;
}
