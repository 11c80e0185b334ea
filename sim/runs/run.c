/* When a run has seen enough faults, and when its world counts as healed: everything wanted is
 * so, and nothing but keep-alives was said for 90 seconds. A world that takes longer than an
 * hour for that is stuck. */
#include "sim/runs/run.h"

#include "base/text.h"
#include "sim/actors/evictions.h"
#include "sim/actors/faults.h"
#include "sim/actors/guests.h"
#include "sim/actors/owners.h"
#include "sim/actors/permits.h"
#include "sim/actors/rules.h"
#include "sim/actors/population.h"
#include "sim/actors/stores.h"
#include "sim/actors/workload.h"
#include "sim/laws/law.h"
#include "sim/laws/laws.h"
#include "sim/laws/rest.h"
#include "sim/parts/blocks/blocks.h"
#include "sim/parts/carrier.h"
#include "sim/parts/disk.h"
#include "sim/parts/domain.h"
#include "sim/parts/images/images.h"
#include "sim/parts/keys.h"
#include "sim/parts/loop.h"
#include "sim/parts/process.h"
#include "sim/parts/servers/relays.h"
#include "sim/parts/warden.h"
#include "sim/parts/reach/ways.h"
#include "sim/world/fact.h"
#include "sim/world/topology.h"

/* Owners may decide anew while a process is away, and know what it has on its disk when it comes
 * back; the laws hear of everything. */
static void observe(struct sim_world *world, const struct fact *fact) {
    if (fact->kind == FACT_STARTS)
        owners_reconfigure(world, fact->node);
    if (fact->kind == FACT_STARTED)
        owners_remember(world, fact->node);
    laws_observe(world, fact);
}

struct sim_world *run_build(const struct sim_settings *settings, struct text *uplinks) {
    struct sim_world *world = world_new(settings, uplinks);
    world->observe = observe;
    world->ways = settings->streams ? ways_new(settings->seed) : NULL;
    topology_build(world);
    world->laws = laws_new(world);
    keys_build(world);
    for (uint32_t i = 0; i < world->nodes_count; i++)
        if (world->nodes[i]->settings.kind != ROLE_AGENT)
            owners_begin(world, world->nodes[i]);
    population_build(world);
    return world;
}

struct sim_world *run_begin(const struct sim_settings *settings, struct text *uplinks) {
    struct sim_world *world = run_build(settings, uplinks);
    for (uint32_t i = 0; i < world->nodes_count; i++)
        process_start(world, world->nodes[i]);
    return world;
}

void run_free(struct sim_world *world) {
    laws_free(world->laws, world);
    domain_forget_all(world);
    images_forget_all(world);
    ways_free(world->ways);
    for (uint32_t i = 0; i < world->nodes_count; i++) {
        struct sim_node *node = world->nodes[i];
        for (uint32_t k = 0; k < node->links_count; k++) {
            keys_free(&node->links[k]);
            carrier_free(node->links[k].carrier);
        }
        blocks_free(node);
        disk_free(node);
        warden_free(node);
        permits_free(world, node);
        rules_free(node);
    }
    for (uint32_t i = 0; i < world->servers_count; i++)
        relays_free(world->servers[i].relay);
    topology_free(world);
    world_free(world);
}

enum { minute_ms = 60000, heal_most_ms = 3600 * 1000 };

/* Longer than any pause between two tries of a session, so that silence means rest. */
enum { quiet_ms = 90000 };

static bool accept_all(struct sim_world *world) {
    for (uint32_t i = 0; i < world->nodes_count; i++)
        stores_accept(world, world->nodes[i]);
    return stores_are_accepted(world);
}

void run_heal(struct sim_world *world) {
    bool relented = false;
    char what[256] = "";
    uint64_t begin_ms = world->now_ms;
    faults_end(world);
    for (;;) {
        loop_run(world, world->now_ms + minute_ms / 6);
        bool accepted = accept_all(world);
        bool rests =
            owners_restore(world) && accepted && rest_is_reached(world, what, sizeof(what));
        if (rests && world->now_ms - world->busy_ms >= quiet_ms)
            break;
        if (!rests && !relented && world->now_ms - begin_ms > heal_most_ms / 2) {
            owners_relent(world); /* a VM that has left may have nowhere to go */
            relented = true;
        }
        if (world->now_ms - begin_ms > heal_most_ms)
            law_fail(world, rests ? "quiet" : "never stuck", "an hour after the last fault %s",
                     rests ? "something still happens" : what);
    }
    world->stats.heal_ms += world->now_ms - begin_ms;
}

/* All of it, healed but not judged. */
struct sim_world *run_world(const struct sim_settings *settings, struct text *uplinks) {
    struct sim_world *world = run_begin(settings, uplinks);
    workload_begin(world);
    faults_begin(world);
    guests_begin(world);
    evictions_begin(world);
    while (world->requests < settings->operations)
        loop_run(world, world->now_ms + minute_ms);
    run_heal(world);
    return world;
}

uint64_t run_seed(const struct sim_settings *settings, struct stats *stats) {
    struct sim_world *world = run_world(settings, NULL);
    laws_check_end(world);
    uint64_t hash = world->hash;
    world->stats.runs++;
    world->stats.simulated_ms += world->now_ms;
    world->stats.hash = world->hash;
    stats_add(stats, &world->stats);
    run_free(world);
    return hash;
}
