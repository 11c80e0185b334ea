/* What goes wrong by itself, once a simulated minute: servers die, connections get slow, hosts
 * lose power, guests die, wall clocks jump. What happens to one does not depend on what happened
 * to others: each draws from a stream of its own minute. */

#include "base/map.h"
#include "sim/check.h"

static void draw_anew(struct sim_world *world, uint32_t who) {
    const uint64_t key[] = {world->now_ms, who};
    prng_init(&world->fate, map_hash(world->settings.seed, (const char *)key, sizeof(key)));
}

static void on_server_back(struct sim_world *world, struct occurrence *occurrence) {
    if (!world->servers[occurrence->number].up)
        network_server(world, occurrence->number, PRESENCE_UP);
}

static void servers(struct sim_world *world) {
    uint32_t count = world->settings.even ? 1 : world->servers_count;
    for (uint32_t i = 0; i < count; i++) {
        draw_anew(world, UINT32_MAX - i);
        if (world->servers[i].up &&
            world_fault(world, &world->fate, world->settings.server_death)) {
            world->stats.server_deaths++;
            network_server(world, i, PRESENCE_DOWN);
            uint64_t back_ms = 1000 + prng_below(&world->fate, 60000);
            world_later(world, NULL, back_ms, on_server_back)->number = i;
        }
    }
}

static void node_faults(struct sim_world *world, struct sim_node *node) {
    enum { jump_most_ms = 2 * 3600 * 1000 };
    struct list *at = NULL, *next = NULL;
    draw_anew(world, node->index);
    if (node->settings.kind == ROLE_AGENT && !world->settings.even &&
        world_fault(world, &world->fate, world->settings.power_loss))
        host_power_loss(world, node);
    if (!world->settings.even &&
        world_fault(world, &world->fate, world->settings.clock_jump)) {
        node->clock_ms = (int64_t)prng_below(&world->fate, jump_most_ms) - jump_most_ms / 2;
        world->stats.clock_jumps++;
    }
    if (world->settings.even && node->role && node_is_upstream(node) &&
        world_fault(world, &world->fate, world->settings.crash * 100))
        world_crash(world, node, 1000 + prng_below(&world->fate, 60000));
    owners_act(world, node);
    for (uint32_t i = 0; i < node->links_count; i++)
        network_slow(world, &node->links[i]);
    list_each(at, next, &node->domains)
        host_guest_dies(world, container_of(at, struct sim_domain, by_node));
}

static void on_minute(struct sim_world *world, struct occurrence *occurrence) {
    (void)occurrence;
    check_minute(world);
    servers(world);
    for (uint32_t i = 0; i < world->nodes_count; i++)
        node_faults(world, world->nodes[i]);
    world_later(world, NULL, 60000, on_minute);
}

void faults_begin(struct sim_world *world) { world_later(world, NULL, 60000, on_minute); }

void faults_end(struct sim_world *world) {
    world->healing = true;
    for (uint32_t i = 0; i < world->servers_count; i++)
        if (!world->servers[i].up)
            network_server(world, i, PRESENCE_UP);
}
