/* What goes wrong by itself, once a simulated minute: servers die, connections get slow, hosts
 * lose power, guests die, wall clocks jump. What happens to one does not depend on what happened
 * to others: each draws from a stream of its own minute. */
#include "sim/actors/faults.h"

#include "base/map.h"
#include "sim/actors/owners.h"
#include "sim/parts/carrier.h"
#include "sim/parts/host.h"
#include "sim/parts/keys.h"
#include "sim/parts/link.h"
#include "sim/parts/network.h"
#include "sim/parts/process.h"
#include "sim/world/fact.h"
#include "sim/world/node.h"

enum fate { FATE_SERVER, FATE_POWER, FATE_CLOCK, FATE_CRASH };

/* Does it happen to whom this minute? What then follows is drawn from the same numbers. */
static bool happens(struct sim_world *world, enum fate what, uint32_t who, uint32_t per_mille) {
    const uint64_t key[] = {world->now_ms, what, who};
    prng_init(&world->fate, map_hash(world->settings.seed, (const char *)key, sizeof(key)));
    bool does = world_fault(world, &world->fate, per_mille);
    if (per_mille)
        world_note(world, STREAM_FATE, map_hash(does, (const char *)key, sizeof(key)));
    return does;
}

static void on_server_back(struct sim_world *world, struct occurrence *occurrence) {
    if (!world->servers[occurrence->number].up && !world->healing)
        network_server(world, occurrence->number, PRESENCE_UP);
}

static void servers(struct sim_world *world) {
    uint32_t count = world->settings.even ? 1 : world->servers_count;
    for (uint32_t i = 0; i < count; i++) {
        if (happens(world, FATE_SERVER, i, world->settings.server_death) &&
            world->servers[i].up) {
            uint64_t back_ms = 1000 + prng_below(&world->fate, 60000);
            world->servers[i].is_silent = prng_below(&world->fate, 3) == 0;
            world->stats.server_deaths++;
            network_server(world, i, PRESENCE_DOWN);
            world_later(world, NULL, back_ms, on_server_back)->number = i;
        }
    }
}

static void node_faults(struct sim_world *world, struct sim_node *node) {
    enum { jump_most_ms = 2 * 3600 * 1000 };
    struct list *at = NULL, *next = NULL;
    uint32_t who = node->index;
    if (node->settings.kind == ROLE_AGENT && !world->settings.even &&
        happens(world, FATE_POWER, who, world->settings.power_loss))
        process_lose_power(world, node);
    if (!world->settings.even && happens(world, FATE_CLOCK, who, world->settings.clock_jump)) {
        node->clock_ms = (int64_t)prng_below(&world->fate, jump_most_ms) - jump_most_ms / 2;
        world->stats.clock_jumps++;
    }
    if (world->settings.even && node->role && node_is_upstream(node) &&
        happens(world, FATE_CRASH, who, world->settings.crash * 100))
        process_crash(world, node, 1000 + prng_below(&world->fate, 60000));
    owners_act(world, node);
    for (uint32_t i = 0; i < node->links_count; i++)
        link_slow(world, &node->links[i]);
    for (uint32_t i = 0; i < node->links_count; i++)
        carrier_cut(world, &node->links[i]);
    list_each(at, next, &node->domains)
        host_guest_dies(world, container_of(at, struct sim_domain, by_node));
    for (uint32_t i = 0; i < node->links_count; i++)
        keys_change(world, &node->links[i]);
}

static void on_minute(struct sim_world *world, struct occurrence *occurrence) {
    (void)occurrence;
    world_observe(world, &(struct fact){.kind = FACT_MINUTE});
    servers(world);
    for (uint32_t i = 0; i < world->nodes_count; i++)
        node_faults(world, world->nodes[i]);
    world_later(world, NULL, 60000, on_minute);
}

void faults_begin(struct sim_world *world) { world_later(world, NULL, 60000, on_minute); }

/* Of a link's several servers one may be gone for good, or all come back. */
static void end_servers(struct sim_world *world) {
    uint32_t of_a_link = world_has_spares(world) ? 1 + world->settings.spares : 1;
    uint32_t gone = UINT32_MAX;
    for (uint32_t i = 0; i < world->servers_count; i++) {
        if (i % of_a_link == 0 && of_a_link > 1 && world->settings.server_death)
            gone = i + (uint32_t)prng_below(&world->links, of_a_link + 1);
        bool stays = i != gone;
        world->stats.server_deaths += !stays;
        world->servers[i].is_silent &= !world->servers[i].up;
        if (world->servers[i].up != stays)
            network_server(world, i, stays ? PRESENCE_UP : PRESENCE_DOWN);
    }
}

void faults_end(struct sim_world *world) {
    world->healing = true;
    end_servers(world);
    for (uint32_t i = 0; world_has_spares(world) && i < world->nodes_count; i++)
        for (uint32_t k = 0; k < world->nodes[i]->links_count; k++)
            carrier_mend(world, &world->nodes[i]->links[k]);
}
