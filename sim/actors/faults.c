/* What goes wrong by itself, once a simulated minute: servers die, connections get slow, hosts
 * lose power, guests die, wall clocks jump. What happens to one does not depend on what happened
 * to others: each draws from a stream of its own minute. */
#include "sim/actors/faults.h"

#include "base/map.h"
#include "sim/actors/owners.h"
#include "sim/actors/servers.h"
#include "sim/actors/stores.h"
#include "sim/parts/carrier.h"
#include "sim/parts/host.h"
#include "sim/parts/keys.h"
#include "sim/parts/link.h"
#include "sim/parts/network.h"
#include "sim/parts/process.h"
#include "sim/parts/warden.h"
#include "sim/world/fact.h"
#include "sim/world/node.h"

enum fate {
    FATE_SERVER, FATE_POWER, FATE_CLOCK, FATE_CRASH, FATE_DISK, FATE_STORE, FATE_TWIN,
    FATE_SUCCESSOR, FATE_RESTORE, FATE_STALL, FATE_WARDEN, FATE_WAY, FATE_DISTURB, FATE_FULL
};

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
    if (!world->servers[occurrence->number].up && (!world->healing || world->settings.even))
        network_server(world, occurrence->number, PRESENCE_UP);
}

static void servers(struct sim_world *world) {
    bool top = world->settings.even && !world->settings.losses; /* nothing else fails */
    uint32_t count = top ? 1 : world->servers_count;
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

static void disturb_servers(struct sim_world *world) {
    for (uint32_t i = 0; i < world->servers_count; i++) {
        enum sim_server_kind kind = world->servers[i].kind;
        if (kind == SERVER_RELAY && happens(world, FATE_DISTURB, i, world->settings.disturb))
            servers_disturb(world, i, &world->fate);
        if (kind == SERVER_BROKER && happens(world, FATE_FULL, i, world->settings.server_full))
            servers_fill(world, i, &world->fate);
    }
}

static void on_room_again(struct sim_world *world, struct occurrence *occurrence) {
    host_fill_disk(world, occurrence->node, false);
}

static void fill_disk(struct sim_world *world, struct sim_node *node) {
    if (node->disk_full || !happens(world, FATE_DISK, node->index, world->settings.disk_full))
        return;
    uint64_t back_ms = 1000 + prng_below(&world->fate, 300000);
    host_fill_disk(world, node, true);
    world_later(world, node, back_ms, on_room_again);
}

static void store_faults(struct sim_world *world, struct sim_node *node) {
    const struct sim_settings *settings = &world->settings;
    bool is_agent = node->settings.kind == ROLE_AGENT;
    if (settings->even)
        return;
    if (is_agent && happens(world, FATE_STORE, node->index, settings->store_loss))
        stores_lose(world, node);
    if (world->settings.levels == 2 && node->settings.kind == ROLE_DOWNSTREAM &&
        happens(world, FATE_RESTORE, node->index, settings->restores))
        stores_restore(world, node);
    if (node->settings.managers_count && happens(world, FATE_TWIN, node->index, settings->twins))
        stores_greet(world, node);
    if (node_is_upstream(node) && !world_has_spares(world) &&
        happens(world, FATE_SUCCESSOR, node->index, settings->successors))
        stores_follow(world, node);
    stores_accept(world, node);
}

static void way_back(struct sim_world *world, struct sim_node *node) {
    uint32_t up = node->settings.managers[0].link;
    if (node->role && world->servers[node->links[up].server].up)
        link_set(world, node, up, PRESENCE_UP);
}

static void on_way_back(struct sim_world *world, struct occurrence *occurrence) {
    way_back(world, occurrence->node);
}

static uint64_t draw_length_ms(struct sim_world *world) {
    static const uint32_t lengths_ms[] = {3000, 12000, 30000, 90000, 240000};
    return lengths_ms[prng_below(&world->fate, array_size(lengths_ms))] +
           prng_below(&world->fate, 5000);
}

/* A host is cut off from its manager; or a manager from the one above, with all that it has. */
static void cut_way(struct sim_world *world, struct sim_node *node) {
    uint32_t up = node->settings.managers[0].link;
    if (!happens(world, FATE_WAY, node->index, world->settings.ways) || !node->links[up].up ||
        world_has_spares(world)) /* where a link has several, carrier_cut() is what befalls it */
        return;
    world->stats.ways_cut++;
    link_set(world, node, up, PRESENCE_DOWN);
    world_later(world, node, draw_length_ms(world), on_way_back)->is_of_host = true;
}

/* What befalls one host and leaves the others as they are. */
static void host_faults(struct sim_world *world, struct sim_node *node) {
    uint32_t who = node->index;
    if (happens(world, FATE_STALL, who, world->settings.stalls)) {
        uint64_t for_ms = draw_length_ms(world);
        if (prng_below(&world->fate, 2))
            warden_suspend(world, node, for_ms);
        else
            warden_stall_agent(world, node, for_ms);
    }
    if (happens(world, FATE_WARDEN, who, world->settings.wardens))
        warden_fails(world, node, 1 + prng_below(&world->fate, 3000));
    cut_way(world, node);
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
    bool befalls = world->settings.stalls || world->settings.wardens || world->settings.ways;
    if (node->settings.kind == ROLE_AGENT && !world->settings.even && befalls)
        host_faults(world, node);
    if (node->settings.kind == ROLE_DOWNSTREAM && !world->settings.even && world->settings.anywhere)
        cut_way(world, node);
    fill_disk(world, node);
    store_faults(world, node);
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
    disturb_servers(world);
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
        if (world->settings.even && world->servers[i].since_ms == world->now_ms)
            continue; /* it has just gone: the news of that would end the sessions after it */
        world->stats.server_deaths += !stays;
        world->servers[i].is_silent &= !world->servers[i].up;
        if (world->servers[i].up != stays)
            network_server(world, i, stays ? PRESENCE_UP : PRESENCE_DOWN);
    }
}

/* Who has lied says all that matters in a new session. */
static void end_lies(struct sim_world *world) {
    for (uint32_t i = 0; i < world->nodes_count; i++)
        if (world->nodes[i]->lies && world->nodes[i]->role)
            process_crash(world, world->nodes[i], 1);
}

void faults_end(struct sim_world *world) {
    world->healing = true;
    for (uint32_t i = 0; i < world->nodes_count; i++)
        host_fill_disk(world, world->nodes[i], false);
    stores_end(world);
    end_servers(world);
    end_lies(world);
    for (uint32_t i = 0; !world_has_spares(world) && i < world->nodes_count; i++)
        if (world->nodes[i]->settings.managers_count && world->nodes[i]->role)
            way_back(world, world->nodes[i]);
    for (uint32_t i = 0; world_has_spares(world) && i < world->nodes_count; i++)
        for (uint32_t k = 0; k < world->nodes[i]->links_count; k++)
            carrier_mend(world, &world->nodes[i]->links[k]);
}
