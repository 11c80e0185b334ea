/* Owners of clusters: they change what the configuration lends while their manager is away, and ask
 * it by its API to lend more or less, to revoke and restore what they lend, and to cordon and
 * uncordon hosts while it runs. Operators set tenants' quotas in the same way. What they asked and
 * were answered is remembered here, for the laws to be held against. */

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/text.h"
#include "message/owner.h"
#include "sim/check.h"

static const char tenant_word[] = "people"; /* see workload.c */

static struct owner_limits some_limits(struct sim_world *world) {
    return (struct owner_limits){.vms = prng_below(&world->owner, 8),
                                 .cpus = prng_below(&world->owner, 16),
                                 .memory_mib = 512 * prng_below(&world->owner, 20)};
}

size_t owners_parties(const struct sim_world *world, const struct sim_node *node) {
    return node_is_upstream(node) ? world->settings.tenants : node->settings.managers_count;
}

const char *owners_party(const struct sim_node *node, size_t which, struct party *out) {
    if (!node_is_upstream(node))
        return node->settings.managers[which].name;
    text_format(out->name, sizeof(out->name), "%s%zu", tenant_word, which);
    return out->name;
}

size_t owners_which(const struct sim_world *world, const struct sim_node *node,
                    const char *party) {
    size_t parties = owners_parties(world, node);
    if (node_is_upstream(node)) { /* the other way round than owners_party() */
        size_t which = text_starts(party, tenant_word)
                           ? strtoul(party + strlen(tenant_word), NULL, 10)
                           : parties;
        return which < parties ? which : parties;
    }
    for (size_t i = 0; i < parties; i++)
        if (text_equal(node->settings.managers[i].name, party))
            return i;
    return parties;
}

void owners_begin(struct sim_world *world, struct sim_node *node) {
    size_t count = node->settings.managers_count, parties = owners_parties(world, node);
    struct owner_limits *limits = memory_new(count, sizeof(*limits));
    for (size_t i = 0; i < count; i++)
        if (prng_below(&world->owner, 1000) < world->settings.limits)
            limits[i] = some_limits(world);
    node->settings.limits = limits;
    node->used = memory_new(parties, sizeof(*node->used));
    node->lent = memory_new(parties, sizeof(*node->lent));
    shares_begin(world, node);
}

void owners_reconfigure(struct sim_world *world, struct sim_node *node) {
    struct owner_limits *limits = (struct owner_limits *)(uintptr_t)node->settings.limits;
    if (!node->settings.managers_count || !limits ||
        !world_fault(world, &world->owner, world->settings.owner_changes))
        return;
    size_t which = prng_below(&world->owner, node->settings.managers_count);
    limits[which] = some_limits(world);
    world->stats.owner_changes++;
}

/* What is in force by the node's disk. */
static struct owner_limits kept_limits(struct sim_world *world, const struct sim_node *node,
                                       size_t which) {
    struct party party;
    bool is_upstream = node_is_upstream(node);
    const struct table *table = is_upstream ? &tenant_table : &lending_decision_table;
    const struct sim_row *row = disk_row(node, table, owners_party(node, which, &party));
    struct owner_limits limits = {0};
    if (row) {
        struct record record;
        disk_read(world, row, &record);
        const struct lending_decision *lending = record.data;
        if (is_upstream)
            limits = ((const struct tenant *)record.data)->quota;
        else
            limits = lending->from == LIMITS_SET ? lending->limits : node->settings.limits[which];
        record_deinit(&record);
    } else if (!is_upstream) {
        limits = node->settings.limits[which];
    }
    return limits;
}

static bool kept_revoked(struct sim_world *world, const struct sim_node *node, size_t which) {
    const struct sim_row *row =
        disk_row(node, &lending_decision_table, node->settings.managers[which].name);
    struct record record;
    if (!row)
        return false;
    disk_read(world, row, &record);
    bool revoked = ((const struct lending_decision *)record.data)->revoked_ms;
    record_deinit(&record);
    return revoked;
}

static bool kept_cordon(const struct sim_node *node, const struct sim_node *host) {
    return disk_row(node, &host_decision_table, host->name) != NULL;
}

void owners_remember(struct sim_world *world, struct sim_node *node) {
    for (size_t i = 0; node->lent && i < owners_parties(world, node); i++)
        node->lent[i] = kept_limits(world, node, i);
    if (!node->lent || node_is_upstream(node))
        return;
    shares_remember(world, node);
    node->revoked = 0;
    for (size_t i = 0; i < node->settings.managers_count; i++)
        node->revoked |= kept_revoked(world, node, i) ? 1u << i : 0;
    for (size_t i = 0; i < node->settings.agents_count; i++) {
        struct sim_node *host = world_node(world, node->settings.agents[i].name);
        host->cordoned = kept_cordon(node, host);
    }
}

void owners_check_kept(struct sim_world *world, const struct sim_node *node) {
    struct party party;
    for (size_t i = 0; node->lent && i < owners_parties(world, node); i++) {
        struct owner_limits kept = kept_limits(world, node, i);
        if (memcmp(&kept, &node->lent[i], sizeof(kept)))
            check_fail(world, "nothing lost", "%s was answered and does not know what it lends %s",
                       node->name, owners_party(node, i, &party));
    }
    shares_check_kept(world, node);
    for (size_t i = 0; i < node->settings.managers_count; i++)
        if (kept_revoked(world, node, i) != ((node->revoked >> i & 1) != 0))
            check_fail(world, "nothing lost", "%s was answered and does not know whether %s is "
                       "revoked", node->name, node->settings.managers[i].name);
    for (size_t i = 0; !node_is_upstream(node) && i < node->settings.agents_count; i++) {
        const struct sim_node *host = world_node(world, node->settings.agents[i].name);
        if (kept_cordon(node, host) != host->cordoned)
            check_fail(world, "nothing lost", "%s answered its owner and does not know whether "
                       "%s is cordoned", node->name, host->name);
    }
}

/* Law 3: an owner's word stops nothing that runs; even a revocation has its grace. Another weight
 * may let something go that was asked before. */
bool owners_ask(struct sim_world *world, struct sim_node *node, struct request *request) {
    size_t before = node->pending.count;
    workload_send(world, node, request);
    for (size_t i = before; i < node->pending.count; i++) {
        const struct effect *effect = &node->pending.items[i];
        if (!node->revoked && request->kind != REQUEST_SHARE_SET && effect->kind == EFFECT_SEND &&
            effect->send.message.kind == MESSAGE_INSTRUCT)
            check_fail(world, "sovereignty", "%s's owner lowers or cordons, and %s is instructed",
                       node->name, effect->send.address);
        if (effect->kind == EFFECT_REPLY && effect->reply.kind == REPLY_PROBLEM)
            return false;
    }
    return true;
}

static void restore(struct sim_world *world, struct sim_node *node, size_t which) {
    struct request request = {.kind = REQUEST_UPSTREAM_RESTORE};
    (void)text_copy(request.key, sizeof(request.key), node->settings.managers[which].name);
    if (owners_ask(world, node, &request)) /* otherwise its VMs are just ending */
        node->revoked &= ~(1u << which);
}

static void decide_revoked(struct sim_world *world, struct sim_node *node) {
    enum { grace_most_seconds = 120 };
    size_t which = prng_below(&world->owner, node->settings.managers_count);
    struct request request = {.kind = REQUEST_UPSTREAM_REVOKE};
    (void)text_copy(request.key, sizeof(request.key), node->settings.managers[which].name);
    request.revocation.grace_seconds = 1 + (uint32_t)prng_below(&world->owner, grace_most_seconds);
    if (node->revoked >> which & 1) {
        restore(world, node, which);
        return;
    }
    node->revoked |= 1u << which;
    (void)owners_ask(world, node, &request);
}

bool owners_restore(struct sim_world *world) {
    bool all = true;
    for (uint32_t i = 0; i < world->nodes_count; i++) {
        struct sim_node *node = world->nodes[i];
        for (size_t k = 0; node->role && k < node->settings.managers_count; k++)
            if (node->revoked >> k & 1)
                restore(world, node, k);
        all &= !node->revoked;
    }
    return all;
}

static void decide_limits(struct sim_world *world, struct sim_node *node) {
    size_t which = prng_below(&world->owner, node->settings.managers_count);
    bool sets = prng_below(&world->owner, 3);
    struct request request = {.kind = sets ? REQUEST_LIMITS_SET : REQUEST_LIMITS_RESET};
    (void)text_copy(request.key, sizeof(request.key), node->settings.managers[which].name);
    request.limits = some_limits(world);
    node->lent[which] = sets ? request.limits : node->settings.limits[which];
    (void)owners_ask(world, node, &request);
}

/* As soon as there is such a tenant. */
static void decide_quota(struct sim_world *world, struct sim_node *node) {
    struct party party;
    size_t which = prng_below(&world->owner, owners_parties(world, node));
    struct request request = {.kind = REQUEST_TENANT_QUOTA, .limits = some_limits(world)};
    (void)text_copy(request.key, sizeof(request.key), owners_party(node, which, &party));
    text_format(request.token_hash, sizeof(request.token_hash), "operator");
    if (!disk_row(node, &tenant_table, request.key))
        return;
    node->lent[which] = request.limits;
    (void)owners_ask(world, node, &request);
}

static void decide_cordon(struct sim_world *world, struct sim_node *node) {
    size_t which = prng_below(&world->owner, node->settings.agents_count);
    struct sim_node *host = world_node(world, node->settings.agents[which].name);
    struct request request = {.kind = host->cordoned ? REQUEST_HOST_UNCORDON
                                                     : REQUEST_HOST_CORDON};
    (void)text_copy(request.key, sizeof(request.key), host->name);
    host->cordoned = !host->cordoned;
    (void)owners_ask(world, node, &request);
}

/* Each owner decides by the minute and the name of the cluster alone. In an even world (pair.c)
 * they speak of no hosts, which are others. */
void owners_act(struct sim_world *world, struct sim_node *node) {
    if (!node->lent)
        return;
    shares_act(world, node);
    prng_init(&world->owner, map_hash(world->settings.seed + world->now_ms, node->name,
                                      strlen(node->name)));
    bool acts = world_fault(world, &world->owner, world->settings.owner_acts);
    world_note(world, STREAM_OWNER, world->now_ms * 2 + acts);
    if (!acts || !node->role)
        return;
    world->stats.owner_acts++;
    uint64_t what = prng_below(&world->owner, 5);
    if (node_is_upstream(node))
        decide_quota(world, node);
    else if (world->settings.even || what < 2)
        decide_limits(world, node);
    else if (what < 4)
        decide_cordon(world, node);
    else
        decide_revoked(world, node);
}
