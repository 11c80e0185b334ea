/* Owners of clusters: they change what the configuration lends while their manager is away, and ask
 * it by its API to lend more or less and to cordon and uncordon hosts while it runs. What they
 * asked and were answered is remembered here, for the laws to be held against. */

#include <string.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/text.h"
#include "message/owner.h"
#include "sim/check.h"

static struct owner_limits some_limits(struct sim_world *world) {
    return (struct owner_limits){.vms = prng_below(&world->owner, 8),
                                 .cpus = prng_below(&world->owner, 16),
                                 .memory_mib = 512 * prng_below(&world->owner, 20)};
}

void owners_begin(struct sim_world *world, struct sim_node *node) {
    size_t count = node->settings.managers_count;
    struct owner_limits *limits = memory_new(count, sizeof(*limits));
    for (size_t i = 0; i < count; i++)
        if (prng_below(&world->owner, 1000) < world->settings.limits)
            limits[i] = some_limits(world);
    node->settings.limits = limits;
    node->used = memory_new(count, sizeof(*node->used));
    node->lent = memory_new(count, sizeof(*node->lent));
}

void owners_reconfigure(struct sim_world *world, struct sim_node *node) {
    struct owner_limits *limits = (struct owner_limits *)(uintptr_t)node->settings.limits;
    if (!node->used || !world_fault(world, &world->owner, world->settings.owner_changes))
        return;
    size_t which = prng_below(&world->owner, node->settings.managers_count);
    limits[which] = some_limits(world);
    world->stats.owner_changes++;
}

/* What is in force by the node's disk. */
static struct owner_limits kept_limits(struct sim_world *world, const struct sim_node *node,
                                       size_t manager) {
    const char *name = node->settings.managers[manager].name;
    const struct sim_row *row = disk_row(node, &lending_decision_table, name);
    struct owner_limits limits = node->settings.limits[manager];
    if (row) {
        struct record record;
        disk_read(world, row, &record);
        limits = ((const struct lending_decision *)record.data)->limits;
        record_deinit(&record);
    }
    return limits;
}

static bool kept_cordon(const struct sim_node *node, const struct sim_node *host) {
    return disk_row(node, &host_decision_table, host->name) != NULL;
}

void owners_remember(struct sim_world *world, struct sim_node *node) {
    for (size_t i = 0; node->lent && i < node->settings.managers_count; i++)
        node->lent[i] = kept_limits(world, node, i);
    for (size_t i = 0; node->lent && i < node->settings.agents_count; i++) {
        struct sim_node *host = world_node(world, node->settings.agents[i].name);
        host->cordoned = kept_cordon(node, host);
    }
}

void owners_check_kept(struct sim_world *world, const struct sim_node *node) {
    for (size_t i = 0; node->lent && i < node->settings.managers_count; i++) {
        struct owner_limits kept = kept_limits(world, node, i);
        if (memcmp(&kept, &node->lent[i], sizeof(kept)))
            check_fail(world, "nothing lost", "%s answered its owner and does not know what it "
                       "lends %s", node->name, node->settings.managers[i].name);
    }
    for (size_t i = 0; node->lent && i < node->settings.agents_count; i++) {
        const struct sim_node *host = world_node(world, node->settings.agents[i].name);
        if (kept_cordon(node, host) != host->cordoned)
            check_fail(world, "nothing lost", "%s answered its owner and does not know whether "
                       "%s is cordoned", node->name, host->name);
    }
}

/* Law 3: an owner's word stops nothing that runs. */
static void ask(struct sim_world *world, struct sim_node *node, struct request *request) {
    size_t before = node->pending.count;
    workload_send(world, node, request);
    for (size_t i = before; i < node->pending.count; i++) {
        const struct effect *effect = &node->pending.items[i];
        if (effect->kind == EFFECT_SEND && effect->send.message.kind == MESSAGE_INSTRUCT)
            check_fail(world, "sovereignty", "%s's owner lowers or cordons, and %s is instructed",
                       node->name, effect->send.address);
    }
}

static void decide_limits(struct sim_world *world, struct sim_node *node) {
    size_t which = prng_below(&world->owner, node->settings.managers_count);
    bool sets = prng_below(&world->owner, 3);
    struct request request = {.kind = sets ? REQUEST_LIMITS_SET : REQUEST_LIMITS_RESET};
    (void)text_copy(request.key, sizeof(request.key), node->settings.managers[which].name);
    request.limits = some_limits(world);
    node->lent[which] = sets ? request.limits : node->settings.limits[which];
    ask(world, node, &request);
}

static void decide_cordon(struct sim_world *world, struct sim_node *node) {
    size_t which = prng_below(&world->owner, node->settings.agents_count);
    struct sim_node *host = world_node(world, node->settings.agents[which].name);
    struct request request = {.kind = host->cordoned ? REQUEST_HOST_UNCORDON
                                                     : REQUEST_HOST_CORDON};
    (void)text_copy(request.key, sizeof(request.key), host->name);
    host->cordoned = !host->cordoned;
    ask(world, node, &request);
}

/* Each owner decides by the minute and the name of the cluster alone. In an even world (pair.c)
 * they speak of no hosts, which are others. */
void owners_act(struct sim_world *world, struct sim_node *node) {
    if (!node->lent || !node->role)
        return;
    prng_init(&world->owner, map_hash(world->settings.seed + world->now_ms, node->name,
                                      strlen(node->name)));
    if (!world_fault(world, &world->owner, world->settings.owner_acts))
        return;
    world->stats.owner_acts++;
    if (world->settings.even || prng_below(&world->owner, 2))
        decide_limits(world, node);
    else
        decide_cordon(world, node);
}
