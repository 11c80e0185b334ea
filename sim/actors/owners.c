/* Owners of clusters: they change what the configuration lends while their manager is away, and ask
 * it by its API to lend more or less, to revoke and restore what they lend, and to cordon and
 * uncordon hosts while it runs. Operators set tenants' quotas in the same way. What they asked and
 * were answered is remembered here, for the laws to be held against. */
#include "sim/actors/owners.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/text.h"
#include "message/owner.h"
#include "sim/actors/decision.h"
#include "sim/actors/askers.h"
#include "sim/actors/permits.h"
#include "sim/actors/rules.h"
#include "sim/actors/shares.h"
#include "sim/parts/disk.h"
#include "sim/world/fact.h"
#include "sim/world/node.h"

static struct amounts some_limits(struct sim_world *world) {
    return (struct amounts){.vms = prng_below(&world->owner, 8),
                            .cpus = prng_below(&world->owner, 16),
                            .memory_mib = 512 * prng_below(&world->owner, 20)};
}

void owners_begin(struct sim_world *world, struct sim_node *node) {
    size_t count = node->settings.managers_count, askers = askers_count(world, node);
    struct amounts *limits = memory_new(count, sizeof(*limits));
    for (size_t i = 0; i < count; i++)
        if (prng_below(&world->owner, 1000) < world->settings.limits)
            limits[i] = some_limits(world);
    node->settings.limits = limits;
    node->lent = memory_new(askers, sizeof(*node->lent));
    shares_begin(world, node);
    permits_begin(world, node);
}

void owners_reconfigure(struct sim_world *world, struct sim_node *node) {
    struct amounts *limits = (struct amounts *)(uintptr_t)node->settings.limits;
    if (!node->settings.managers_count || !limits ||
        !world_fault(world, &world->owner, world->settings.owner_changes))
        return;
    size_t which = prng_below(&world->owner, node->settings.managers_count);
    limits[which] = some_limits(world);
    world->stats.owner_changes++;
}

/* What is in force by the node's disk. */
static struct amounts kept_limits(struct sim_world *world, const struct sim_node *node,
                                  size_t which) {
    struct asker asker;
    bool is_upstream = node_is_upstream(node);
    const struct table *table = is_upstream ? &tenant_table : &lending_decision_table;
    const struct sim_row *row = disk_row(node, table, askers_name(node, which, &asker));
    struct amounts limits = {0};
    if (row) {
        struct record record;
        disk_read(world, row, &record);
        const struct lending_decision *lending = record.data;
        if (is_upstream)
            limits = ((const struct tenant *)record.data)->quota;
        else
            limits = lending->from == ORIGIN_SET ? lending->limits : node->settings.limits[which];
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

/* What an owner may choose among; the first is all. */
static const struct permissions permits[] = {
    {0},
    {.verbs = (char *)(uintptr_t)"define start"},
    {.shapes = (char *)(uintptr_t)"shape0"},
    {.verbs = (char *)(uintptr_t)"start shutdown stop reboot"},
    {.placing = (char *)(uintptr_t)"host-must", .apart_most = 1},
    {.placing = (char *)(uintptr_t)"apart", .apart_most = 1},
    {.networks = (char *)(uintptr_t)"lan-blue"},
    {.networks = (char *)(uintptr_t)"no-network"},
    {.views = (char *)(uintptr_t)"none"},
    {.views = (char *)(uintptr_t)"ips"},
    {.views = (char *)(uintptr_t)"console"},
    {.views = (char *)(uintptr_t)"ports"},
    {.views = (char *)(uintptr_t)"screen"},
};
enum { permits_of_networks = 2, permits_of_views = 5 };

const struct permissions *owners_permit(const struct sim_node *node, size_t manager) {
    return &permits[node->permits[manager]];
}

static uint8_t kept_permit(struct sim_world *world, const struct sim_node *node, size_t which) {
    struct record record;
    uint8_t found = 0;
    const struct sim_row *row =
        disk_row(node, &lending_decision_table, node->settings.managers[which].name);
    if (!row)
        return 0;
    disk_read(world, row, &record);
    for (uint8_t i = 1; i < array_size(permits); i++)
        if (record_equal(&permissions_table, &permits[i],
                         &((const struct lending_decision *)record.data)->permissions))
            found = i;
    record_deinit(&record);
    return found;
}

struct kept_labels {
    char text[limit_labels + 1];
};

/* What the node's disk has of the owner's decisions of a host, with its labels beside. */
static struct host_decision kept_host(struct sim_world *world, const struct sim_node *node,
                                      const struct sim_node *host,
                                      struct kept_labels *out_labels) {
    struct host_decision decision = {0};
    out_labels->text[0] = 0;
    struct record record;
    const struct sim_row *row = disk_row(node, &host_decision_table, host->name);
    if (!row)
        return decision;
    disk_read(world, row, &record);
    decision = *(const struct host_decision *)record.data;
    text_format(out_labels->text, sizeof(out_labels->text), "%s",
                decision.labels ? decision.labels : "");
    decision.labels = NULL;
    record_deinit(&record);
    return decision;
}

void owners_remember(struct sim_world *world, struct sim_node *node) {
    for (size_t i = 0; node->lent && i < askers_count(world, node); i++)
        node->lent[i] = kept_limits(world, node, i);
    permits_remember(world, node);
    rules_remember(world, node);
    if (!node->lent || node_is_upstream(node))
        return;
    shares_remember(world, node);
    node->revoked = 0;
    for (size_t i = 0; i < node->settings.managers_count; i++) {
        node->revoked |= kept_revoked(world, node, i) ? 1u << i : 0;
        node->permits[i] = kept_permit(world, node, i);
    }
    for (size_t i = 0; i < node->settings.agents_count; i++) {
        struct sim_node *host = node_named(world, node->settings.agents[i].name);
        struct kept_labels labels;
        struct host_decision kept = kept_host(world, node, host, &labels);
        text_set(host->labels, labels.text);
        host->cordoned = kept.cordoned_ms;
        host->duty = kept.duty;
        host->overcommit = kept.overcommit;
    }
}

bool owners_are_kept(struct sim_world *world, const struct sim_node *node, char *what,
                     size_t size) {
    struct asker asker;
    for (size_t i = 0; node->lent && i < askers_count(world, node); i++) {
        struct amounts kept = kept_limits(world, node, i);
        if (!record_equal(&amounts_table, &kept, &node->lent[i])) {
            text_format(what, size, "what it lends %s", askers_name(node, i, &asker));
            return false;
        }
    }
    if (!shares_are_kept(world, node, what, size) || !permits_are_kept(world, node, what, size))
        return false;
    if (!rules_are_kept(world, node)) {
        text_format(what, size, "its rules");
        return false;
    }
    for (size_t i = 0; i < node->settings.managers_count; i++)
        if (kept_permit(world, node, i) != node->permits[i] ||
            kept_revoked(world, node, i) != ((node->revoked >> i & 1) != 0)) {
            text_format(what, size, "what %s may ask", node->settings.managers[i].name);
            return false;
        }
    for (size_t i = 0; !node_is_upstream(node) && i < node->settings.agents_count; i++) {
        const struct sim_node *host = node_named(world, node->settings.agents[i].name);
        struct kept_labels labels;
        struct host_decision kept = kept_host(world, node, host, &labels);
        if ((kept.cordoned_ms != 0) != host->cordoned || kept.duty != host->duty ||
            !text_equal(labels.text, host->labels) ||
            !record_equal(&overcommit_table, &kept.overcommit, &host->overcommit)) {
            text_format(what, size, "what was decided of %s", host->name);
            return false;
        }
    }
    return true;
}

static void restore(struct sim_world *world, struct sim_node *node, size_t which) {
    struct request request = {.kind = REQUEST_UPSTREAM_RESTORE};
    text_set(request.key, node->settings.managers[which].name);
    if (decision_ask(world, node, &request)) /* otherwise its VMs are just ending */
        node->revoked &= ~(1u << which);
}

static void decide_revoked(struct sim_world *world, struct sim_node *node) {
    enum { grace_most_seconds = 120 };
    size_t which = prng_below(&world->owner, node->settings.managers_count);
    struct request request = {.kind = REQUEST_UPSTREAM_REVOKE};
    text_set(request.key, node->settings.managers[which].name);
    request.revocation.grace_seconds = 1 + (uint32_t)prng_below(&world->owner, grace_most_seconds);
    if (node->revoked >> which & 1) {
        restore(world, node, which);
        return;
    }
    node->revoked |= 1u << which;
    (void)decision_ask(world, node, &request);
}

static void permit(struct sim_world *world, struct sim_node *node, size_t which,
                   uint8_t chosen) {
    struct request request = {.kind = chosen ? REQUEST_PERMISSIONS_SET : REQUEST_PERMISSIONS_RESET,
                              .permissions = permits[chosen]};
    text_set(request.key, node->settings.managers[which].name);
    node->permits[which] = chosen;
    node->permitted_ms = world->now_ms;
    (void)decision_ask(world, node, &request);
}

static void decide_permissions(struct sim_world *world, struct sim_node *node) {
    size_t which = prng_below(&world->owner, node->settings.managers_count);
    size_t others = world->settings.ips + world->settings.logs + world->settings.streams +
                            world->settings.usage
                        ? 0
                    : world->settings.networks ? permits_of_views
                                               : permits_of_views + permits_of_networks;
    size_t choices = array_size(permits) - others;
    permit(world, node, which,
           node->permits[which] ? 0 : (uint8_t)prng_below(&world->owner, choices));
}

bool owners_restore(struct sim_world *world) {
    bool all = true;
    for (uint32_t i = 0; i < world->nodes_count; i++) {
        struct sim_node *node = world->nodes[i];
        for (size_t k = 0; node->role && k < node->settings.managers_count; k++) {
            if (node->permits[k])
                permit(world, node, k, 0);
            if (node->revoked >> k & 1)
                restore(world, node, k);
        }
        all &= !node->revoked && rules_restore(world, node);
    }
    return all;
}

static void decide_limits(struct sim_world *world, struct sim_node *node) {
    size_t which = prng_below(&world->owner, node->settings.managers_count);
    bool sets = prng_below(&world->owner, 3);
    struct request request = {.kind = sets ? REQUEST_LIMITS_SET : REQUEST_LIMITS_RESET};
    text_set(request.key, node->settings.managers[which].name);
    request.limits = some_limits(world);
    node->lent[which] = sets ? request.limits : node->settings.limits[which];
    (void)decision_ask(world, node, &request);
}

/* Decides a quota as soon as there is such a tenant. */
static void decide_quota(struct sim_world *world, struct sim_node *node) {
    struct asker asker;
    size_t which = prng_below(&world->owner, askers_count(world, node));
    struct request request = {.kind = REQUEST_TENANT_QUOTA, .limits = some_limits(world)};
    text_set(request.key, askers_name(node, which, &asker));
    text_format(request.token_hash, sizeof(request.token_hash), "operator");
    if (!disk_row(node, &tenant_table, request.key))
        return;
    node->lent[which] = request.limits;
    (void)decision_ask(world, node, &request);
}

/* Asks, and remembers what is in force from then on. */
static void ask_duty(struct sim_world *world, struct sim_node *node, struct sim_node *host,
                     enum request_kind kind) {
    static const enum host_duty duties[REQUEST_KIND_COUNT] = {
        [REQUEST_HOST_DRAIN] = DUTY_DRAIN, [REQUEST_HOST_MAINTAIN] = DUTY_MAINTENANCE};
    struct request request = {.kind = kind};
    bool maintained = host->cordoned && host->duty == DUTY_MAINTENANCE;
    bool refused = maintained && kind != REQUEST_HOST_MAINTAIN &&
                   kind != REQUEST_HOST_END_MAINTENANCE;
    text_set(request.key, host->name);
    if (!refused) {
        host->cordoned = kind != REQUEST_HOST_UNCORDON && kind != REQUEST_HOST_END_MAINTENANCE;
        host->duty = duties[kind];
    }
    bool taken = decision_ask(world, node, &request);
    world_observe(world, &(struct fact){FACT_CONSENT, node,
                                        .consent = {&request, !taken, taken != refused}});
}

static void decide_cordon(struct sim_world *world, struct sim_node *node) {
    size_t which = prng_below(&world->owner, node->settings.agents_count);
    struct sim_node *host = node_named(world, node->settings.agents[which].name);
    ask_duty(world, node, host, host->cordoned ? REQUEST_HOST_UNCORDON : REQUEST_HOST_CORDON);
}

/* A host is to be empty, or that ends. */
static void decide_drain(struct sim_world *world, struct sim_node *node) {
    size_t which = prng_below(&world->owner, node->settings.agents_count);
    struct sim_node *host = node_named(world, node->settings.agents[which].name);
    enum request_kind kind = prng_below(&world->owner, 3) ? REQUEST_HOST_MAINTAIN
                                                          : REQUEST_HOST_DRAIN;
    if (host->cordoned && host->duty != DUTY_CORDON && prng_below(&world->owner, 2))
        kind = host->duty == DUTY_DRAIN ? REQUEST_HOST_UNCORDON : REQUEST_HOST_END_MAINTENANCE;
    ask_duty(world, node, host, kind);
}

static void ask_overcommit(struct sim_world *world, struct sim_node *node, struct sim_node *host,
                           struct overcommit overcommit) {
    struct request request = {.kind = REQUEST_HOST_OVERCOMMIT, .overcommit = overcommit};
    text_set(request.key, host->name);
    struct overcommit *most = &host->most_lent;
    host->overcommit = overcommit;
    if (overcommit.cpus_percent > most->cpus_percent)
        most->cpus_percent = overcommit.cpus_percent;
    if (overcommit.memory_percent > most->memory_percent)
        most->memory_percent = overcommit.memory_percent;
    (void)decision_ask(world, node, &request);
}

static void decide_overcommit(struct sim_world *world, struct sim_node *node) {
    size_t which = prng_below(&world->owner, node->settings.agents_count);
    struct sim_node *host = node_named(world, node->settings.agents[which].name);
    struct overcommit overcommit = {50 + (uint32_t)prng_below(&world->owner, 200),
                                    50 + (uint32_t)prng_below(&world->owner, 200)};
    if (prng_below(&world->owner, 4) == 0)
        overcommit = (struct overcommit){0};
    ask_overcommit(world, node, host, overcommit);
}

static void decide_labels(struct sim_world *world, struct sim_node *node) {
    static char kinds[][16] = {"kind=apple", "kind=pear", "", "zone=a"};
    size_t which = prng_below(&world->owner, node->settings.agents_count);
    struct sim_node *host = node_named(world, node->settings.agents[which].name);
    struct request request = {.kind = REQUEST_HOST_LABEL};
    text_set(request.key, host->name);
    text_set(host->labels, kinds[prng_below(&world->owner, array_size(kinds))]);
    request.host_labels.labels = *host->labels ? host->labels : NULL;
    (void)decision_ask(world, node, &request);
}

/* Lends without limits, without room that is kept, and with nothing rounded away. */
static void lend_all(struct sim_world *world, struct sim_node *node, size_t which) {
    struct request limits = {.kind = REQUEST_LIMITS_SET};
    struct request share = {.kind = REQUEST_SHARE_SET, .share.weight = 1};
    const char *name = node->settings.managers[which].name;
    text_set(limits.key, name);
    text_set(share.key, name);
    if (node->lent) {
        node->lent[which] = limits.limits;
        (void)decision_ask(world, node, &limits);
    }
    if (node->shared) {
        node->shared[which] = share.share;
        (void)decision_ask(world, node, &share);
    }
}

void owners_relent(struct sim_world *world) {
    const struct overcommit most = {limit_lend_cpus_percent, limit_lend_memory_percent};
    for (uint32_t i = 0; i < world->nodes_count; i++) {
        struct sim_node *node = world->nodes[i];
        for (size_t k = 0; node->role && !node_is_upstream(node) &&
                           k < node->settings.agents_count; k++) {
            struct sim_node *host = node_named(world, node->settings.agents[k].name);
            if (host->cordoned)
                ask_duty(world, node, host, host->duty == DUTY_MAINTENANCE
                                                ? REQUEST_HOST_END_MAINTENANCE
                                                : REQUEST_HOST_UNCORDON);
            ask_overcommit(world, node, host, most);
        }
        for (size_t k = 0; node->role && !node_is_upstream(node) &&
                           k < node->settings.managers_count; k++)
            lend_all(world, node, k);
    }
}

/* The most VMs are on the move where hosts are opened again soon. */
static void empty_more(struct sim_world *world, struct sim_node *node) {
    struct sim_node *host = NULL;
    prng_init(&world->owner, map_hash(world->settings.seed - world->now_ms, node->name,
                                      strlen(node->name)));
    if (node_is_upstream(node) || world->settings.even || !node->role ||
        node_named(world, node->settings.agents[0].name)->settings.kind != ROLE_AGENT ||
        !world_fault(world, &world->owner, world->settings.drains))
        return;
    for (size_t i = 0; i < node->settings.agents_count; i++) {
        host = node_named(world, node->settings.agents[i].name);
        if (host->cordoned)
            ask_duty(world, node, host, host->duty == DUTY_MAINTENANCE
                                            ? REQUEST_HOST_END_MAINTENANCE
                                            : REQUEST_HOST_UNCORDON);
    }
    size_t which = prng_below(&world->owner, node->settings.agents_count);
    host = node_named(world, node->settings.agents[which].name);
    ask_duty(world, node, host, prng_below(&world->owner, 2) ? REQUEST_HOST_MAINTAIN
                                                             : REQUEST_HOST_DRAIN);
}

/* Each owner decides by the minute and the name of the cluster alone. In an even world (pair.c)
 * they speak of no hosts, which are others. */
void owners_act(struct sim_world *world, struct sim_node *node) {
    if (!node->lent)
        return;
    shares_act(world, node);
    permits_act(world, node);
    rules_act(world, node);
    empty_more(world, node);
    prng_init(&world->owner, map_hash(world->settings.seed + world->now_ms, node->name,
                                      strlen(node->name)));
    bool acts = world_fault(world, &world->owner, world->settings.owner_acts);
    world_note(world, STREAM_OWNER, world->now_ms * 2 + acts);
    if (!acts || !node_serves(node))
        return;
    world->stats.owner_acts++;
    uint64_t what = prng_below(&world->owner, 10);
    if (node_is_upstream(node))
        decide_quota(world, node);
    else if (world->settings.even || what < 2)
        decide_limits(world, node);
    else if (what < 3)
        decide_cordon(world, node);
    else if (what < 5)
        decide_drain(world, node);
    else if (what < 6)
        decide_overcommit(world, node);
    else if (what < 7)
        decide_labels(world, node);
    else if (what < 8)
        decide_permissions(world, node);
    else
        decide_revoked(world, node);
}
