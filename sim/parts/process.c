/* What is lost with a process, and what it goes through until it serves again. */
#include "sim/parts/process.h"

#include <string.h>

#include "message/stored.h"
#include "sim/parts/carrier.h"
#include "sim/parts/disk.h"
#include "sim/parts/host.h"
#include "sim/parts/images/images.h"
#include "sim/parts/keys.h"
#include "sim/parts/link.h"
#include "sim/parts/step.h"
#include "sim/parts/warden.h"
#include "sim/parts/reach/ways.h"
#include "sim/world/fact.h"
#include "sim/world/node.h"

static void on_restart(struct sim_world *world, struct occurrence *occurrence) {
    if (!occurrence->node->role)
        process_start(world, occurrence->node);
}

struct role *process_take(struct sim_world *world, struct sim_node *node, uint64_t after_ms) {
    struct role *role = node->role;
    world_trace(world, node, "CRASH");
    world->stats.crashes++;
    host_end_of_process(world, node);
    world_observe(world, &(struct fact){FACT_CRASHES, node});
    step_drop(world, node);
    node->role = NULL;
    node->incarnation++;
    ways_crash(world, node);
    heap_remove(&world->ticks, &node->tick);
    for (uint32_t i = 0; i < node->links_count; i++)
        if (node->links[i].carrier)
            carrier_stop(world, &node->links[i]);
        else
            link_set(world, node, i, PRESENCE_DOWN);
    world_later(world, node, after_ms, on_restart);
    return role;
}

void process_crash(struct sim_world *world, struct sim_node *node, uint64_t after_ms) {
    role_free(process_take(world, node, after_ms));
}

/* Steps that a process goes through before it serves: they do not crash half-way here. */
static void load(struct sim_world *world, struct sim_node *node) {
    struct effects effects = {0};
    struct event event = {.kind = EVENT_LOAD, .now_ms = node_now_ms(world, node),
                          .wall_ms = node_wall_ms(world, node)};
    for (size_t table = 0; table < stored_tables_count; table++)
        list_for(const struct sim_row, row, &node->rows, node) {
            if (row->table != stored_tables[table])
                continue;
            disk_read(world, row, &event.load);
            role_step(node->role, &event, &effects);
            record_deinit(&event.load);
        }
    for (size_t i = 0; i < effects.count; i++)
        if (effects.items[i].kind == EFFECT_PIN || effects.items[i].kind == EFFECT_PIN_NEXT)
            keys_pin(world, node, &effects.items[i]);
    effects_deinit(&effects);
}

void process_start(struct sim_world *world, struct sim_node *node) {
    world_trace(world, node, "START");
    node->settings.seed = map_hash(world->settings.seed, node->name, strlen(node->name)) +
                          node->incarnation;
    world_observe(world, &(struct fact){FACT_STARTS, node});
    node->role = role_new(&node->settings);
    keys_start(world, node);
    load(world, node);
    world_observe(world, &(struct fact){FACT_STARTED, node});
    struct event event = {.kind = EVENT_START};
    step_give(world, node, &event);
    if (node->role && node->settings.kind != ROLE_AGENT)
        images_tell(world, node);
    if (world->settings.leases && node->settings.kind == ROLE_AGENT)
        warden_tell(world, node);
    host_tell_disk(world, node);
    keys_started(world, node);
    for (uint32_t i = 0; node->role && i < node->links_count; i++)
        if (world_has_spares(world))
            carrier_start(world, &node->links[i]);
        else if (world->servers[node->links[i].server].up)
            link_set(world, node, i, PRESENCE_UP);
}

void process_lose_power(struct sim_world *world, struct sim_node *node) {
    world->stats.power_losses++;
    if (node->role)
        process_crash(world, node, 1000 + prng_below(&world->fate, 60000));
    host_lose_power(world, node);
}
