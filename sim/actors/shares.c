/* How upstream managers stand beside each other in a cluster, by its owner: weights, room that is
 * kept, steps of what is shown. Drawn apart from what owners decide otherwise (owners.c), by the
 * cluster's name and the minute. */
#include "sim/actors/shares.h"

#include <string.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/text.h"
#include "message/owner.h"
#include "sim/actors/decision.h"
#include "sim/parts/disk.h"

static void draw_anew(struct sim_world *world, const struct sim_node *node) {
    prng_init(&world->owner, map_hash(world->settings.seed + world->now_ms + 1, node->name,
                                      strlen(node->name)));
}

/* All that is kept in a cluster fits into it, as long as nobody decides anew. */
static struct share some_share(struct sim_world *world, const struct sim_node *node) {
    const struct sim_settings *settings = &world->settings;
    uint64_t cpus = (uint64_t)settings->host_cpus * settings->agents;
    struct share share = {.weight = 1 + (uint32_t)prng_below(&world->owner, 4)};
    share.kept.cpus = prng_below(&world->owner, 1 + cpus / node->settings.managers_count);
    share.kept.memory_mib = 64 * prng_below(&world->owner, 1 + 2 * share.kept.cpus);
    share.steps = (struct amounts){.vms = prng_below(&world->owner, 4),
                                   .cpus = prng_below(&world->owner, 5),
                                   .memory_mib = 300 * prng_below(&world->owner, 4)};
    return share;
}

void shares_begin(struct sim_world *world, struct sim_node *node) {
    size_t count = node->settings.managers_count;
    struct prng before = world->owner; /* what follows is as it was without */
    if (!count)
        return;
    struct share *shares = memory_new(count, sizeof(*shares));
    draw_anew(world, node);
    for (size_t i = 0; i < count; i++)
        if (prng_below(&world->owner, 1000) < world->settings.shares)
            shares[i] = some_share(world, node);
    node->settings.shares = shares;
    node->shared = memory_copy(shares, count * sizeof(*shares));
    world->owner = before;
}

/* What is in force by the node's disk. */
static struct share kept_share(struct sim_world *world, const struct sim_node *node,
                               size_t which) {
    const struct sim_row *row =
        disk_row(node, &lending_decision_table, node->settings.managers[which].name);
    struct share share = node->settings.shares[which];
    struct record record;
    if (!row)
        return share;
    disk_read(world, row, &record);
    const struct lending_decision *lending = record.data;
    if (lending->share_from == ORIGIN_SET)
        share = lending->share;
    record_deinit(&record);
    return share;
}

void shares_remember(struct sim_world *world, struct sim_node *node) {
    for (size_t i = 0; node->shared && i < node->settings.managers_count; i++)
        node->shared[i] = kept_share(world, node, i);
}

bool shares_are_kept(struct sim_world *world, const struct sim_node *node, char *what,
                     size_t size) {
    for (size_t i = 0; node->shared && i < node->settings.managers_count; i++) {
        struct share kept = kept_share(world, node, i);
        if (!record_equal(&share_table, &kept, &node->shared[i])) {
            text_format(what, size, "how %s stands", node->settings.managers[i].name);
            return false;
        }
    }
    return true;
}

void shares_act(struct sim_world *world, struct sim_node *node) {
    if (!node->shared)
        return;
    draw_anew(world, node);
    if (!world->settings.shares ||
        !world_fault(world, &world->owner, world->settings.owner_acts / 2))
        return;
    world->stats.owner_acts++;
    size_t which = prng_below(&world->owner, node->settings.managers_count);
    bool sets = prng_below(&world->owner, 3);
    struct request request = {.kind = sets ? REQUEST_SHARE_SET : REQUEST_SHARE_RESET,
                              .share = some_share(world, node)};
    text_set(request.key, node->settings.managers[which].name);
    node->shared[which] = sets ? request.share : node->settings.shares[which];
    (void)decision_ask(world, node, &request);
}
