/* When a run has seen enough faults, and when its world counts as healed: everything wanted is
 * so, and nothing but keep-alives was said for 90 seconds. A world that takes longer than an
 * hour for that is stuck. */
#include "sim/runs/run.h"

#include "base/text.h"
#include "sim/laws/check.h"

enum { minute_ms = 60000, heal_most_ms = 3600 * 1000 };

/* Longer than any pause between two tries of a session, so that silence means rest. */
enum { quiet_ms = 90000 };

void run_heal(struct sim_world *world) {
    bool relented = false;
    char what[256] = "";
    uint64_t begin_ms = world->now_ms;
    faults_end(world);
    for (;;) {
        world_run(world, world->now_ms + minute_ms / 6);
        bool rests = owners_restore(world) && check_is_at_rest(world, what, sizeof(what));
        if (rests && world->now_ms - world->busy_ms >= quiet_ms)
            break;
        if (!rests && !relented && world->now_ms - begin_ms > heal_most_ms / 2) {
            owners_relent(world); /* a VM that has left may have nowhere to go */
            relented = true;
        }
        if (world->now_ms - begin_ms > heal_most_ms)
            check_fail(world, rests ? "quiet" : "never stuck", "an hour after the last fault %s",
                       rests ? "something still happens" : what);
    }
    world->stats.heal_ms += world->now_ms - begin_ms;
}

/* All of it, healed but not judged. */
struct sim_world *run_world(const struct sim_settings *settings, struct text *uplinks) {
    struct sim_world *world = world_new(settings, uplinks);
    workload_begin(world);
    faults_begin(world);
    while (world->requests < settings->operations)
        world_run(world, world->now_ms + minute_ms);
    run_heal(world);
    return world;
}

uint64_t run_seed(const struct sim_settings *settings, struct stats *stats) {
    struct sim_world *world = run_world(settings, NULL);
    check_end(world);
    uint64_t hash = world->hash;
    world->stats.runs++;
    world->stats.simulated_ms += world->now_ms;
    world->stats.hash = world->hash;
    stats_add(stats, &world->stats);
    world_free(world);
    return hash;
}
