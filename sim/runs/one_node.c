/* Law 2 as a measurement: what a cluster costs its upstream, whatever is inside. */
#include "sim/runs/one_node.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/runs/run.h"
#include "sim/world/world.h"

struct cost {
    uint64_t memory_bytes, rows, frames, frame_bytes;
};

/* The upstream's memory is what is given back when it ends. */
static struct cost measure(const struct sim_settings *settings) {
    struct sim_world *world = run_world(settings, NULL);
    struct sim_node *cloud = world->nodes[0];
    struct cost cost = {.rows = cloud->rows_count,
                        .frames = world->stats.uplink_frames,
                        .frame_bytes = world->stats.uplink_bytes};
    size_t before = mallinfo2().uordblks;
    role_free(cloud->role);
    cost.memory_bytes = before - mallinfo2().uordblks;
    cloud->role = NULL;
    run_free(world);
    return cost;
}

int run_one_node(const struct sim_settings *settings) {
    static const uint32_t agents[] = {1, 100, 10000};
    struct cost first = {0};
    bool equal = true;
    for (size_t i = 0; i < array_size(agents); i++) {
        struct sim_settings these = *settings;
        settings_calm(&these);
        these.clusters = 1;
        these.even = 1;
        these.shapes = 1;
        these.bare = 1; /* the laws are checked in smaller worlds */
        these.agents = agents[i];
        these.host_cpus = 10000 / agents[i];
        struct cost cost = measure(&these);
        printf("%5u agents: upstream memory %llu bytes, %llu rows, %llu frames of %llu bytes from "
               "the cluster\n",
               agents[i], (unsigned long long)cost.memory_bytes, (unsigned long long)cost.rows,
               (unsigned long long)cost.frames, (unsigned long long)cost.frame_bytes);
        fflush(stdout);
        if (!i)
            first = cost;
        /* the allocator rounds by up to 1.5 %; one byte per agent would be 5 % */
        equal &= cost.memory_bytes < first.memory_bytes + first.memory_bytes / 20 &&
                 cost.rows == first.rows;
    }
    printf("law 2: %s\n", equal ? "one node, whatever is inside" : "BROKEN: it is not one node");
    return equal ? 0 : 1;
}
