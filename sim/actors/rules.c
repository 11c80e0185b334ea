/* Which rules an operator has: drawn apart from what is decided otherwise (owners.c), by the
 * upstream's name and the minute; few enough that most VMs find a place. What was answered stands
 * in the node (sim_node.ruled), in the list's order. */
#include "sim/actors/rules.h"

#include <string.h>

#include "base/list.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/text.h"
#include "sim/actors/askers.h"
#include "sim/actors/decision.h"
#include "sim/parts/disk.h"
#include "sim/world/node.h"

enum { rules_most = 4, names_most = 6 };

static void forget(struct sim_node *node, uint32_t at) {
    record_clear(&rule_table, &node->ruled[at]);
    node->ruled_count--;
    memmove(&node->ruled[at], &node->ruled[at + 1],
            (node->ruled_count - at) * sizeof(*node->ruled));
}

/* Gives up its own. */
static void insert(struct sim_node *node, uint32_t at, struct rule rule) {
    node->ruled = memory_resize(node->ruled, (node->ruled_count + 1) * sizeof(rule));
    memmove(&node->ruled[at + 1], &node->ruled[at],
            (node->ruled_count - at) * sizeof(rule));
    node->ruled[at] = rule;
    node->ruled_count++;
}

static void number(struct sim_node *node) {
    for (uint32_t i = 0; i < node->ruled_count; i++)
        node->ruled[i].position = i + 1;
}

void rules_free(struct sim_node *node) {
    while (node->ruled_count)
        forget(node, node->ruled_count - 1);
    memory_free(node->ruled);
    node->ruled = NULL;
}

static void name_rule(char name[limit_name_size], unsigned which) {
    text_format(name, limit_name_size, "rule-%u", which);
}

static uint32_t find(const struct sim_node *node, const char *name) {
    uint32_t at = 0;
    while (at < node->ruled_count && !text_equal(node->ruled[at].name, name))
        at++;
    return at;
}

/* Reads them from the disk, each before those that have a later position. */
static void read_rules(struct sim_world *world, const struct sim_node *from,
                       struct sim_node *into) {
    for (unsigned which = 0; which < names_most; which++) {
        char name[limit_name_size];
        struct record record;
        uint32_t at = 0;
        name_rule(name, which);
        const struct sim_row *row = disk_row(from, &rule_table, name);
        if (!row)
            continue;
        disk_read(world, row, &record);
        struct rule *rule = record.data;
        while (at < into->ruled_count && into->ruled[at].position < rule->position)
            at++;
        insert(into, at, *rule);
        memory_free(rule);
    }
}

void rules_remember(struct sim_world *world, struct sim_node *node) {
    if (!node_is_upstream(node))
        return;
    rules_free(node);
    read_rules(world, node, node);
}

bool rules_are_kept(struct sim_world *world, const struct sim_node *node) {
    struct sim_node kept = {0};
    read_rules(world, node, &kept);
    bool same = kept.ruled_count == node->ruled_count;
    for (uint32_t i = 0; i < node->ruled_count && same; i++)
        same = record_equal(&rule_table, &kept.ruled[i], &node->ruled[i]);
    rules_free(&kept);
    return same;
}

/* --- what is decided --- */

const char networks_of_rules[] = "lan-red,lan-blue";

static bool ask(struct sim_world *world, struct sim_node *node, struct request *request) {
    text_format(request->token_hash, sizeof(request->token_hash), "operator");
    world->stats.owner_acts++;
    return decision_ask(world, node, request);
}

static char *some_label(struct sim_world *world) {
    static const char *const labels[] = {"kind=apple", "kind=pear", "zone=a"};
    return memory_text(labels[prng_below(&world->owner, array_size(labels))]);
}

static void draw_matches(struct sim_world *world, const struct sim_node *node,
                         struct rule *rule) {
    struct asker asker;
    size_t which = prng_below(&world->owner, world->settings.tenants);
    char shape[limit_name_size];
    if (prng_below(&world->owner, 2))
        rule->tenants = memory_text(askers_name(node, which, &asker));
    if (prng_below(&world->owner, 3) == 0)
        rule->images = memory_text("t*");
    if (prng_below(&world->owner, 2)) {
        text_format(shape, sizeof(shape), "none shape%u",
                    (unsigned)prng_below(&world->owner, world->settings.shapes));
        rule->shapes = memory_text(shape);
    }
}

static void draw_rule(struct sim_world *world, const struct sim_node *node, struct rule *rule) {
    size_t cluster = prng_below(&world->owner, node->settings.agents_count);
    draw_matches(world, node, rule);
    switch (prng_below(&world->owner, 8)) {
    case 0:
        rule->refuse = memory_text("not in this world");
        break;
    case 1:
    case 2:
        rule->ruling.clusters = memory_text(node->settings.agents[cluster].name);
        break;
    case 3:
    case 4:
        rule->ruling.must = some_label(world);
        break;
    case 5:
    case 6:
        rule->ruling.must_not = some_label(world);
        rule->ruling.prefer = some_label(world);
        break;
    default: /* VMs that later rules are not to match */
        rule->ruling.strategy = RULED_PACK;
        rule->ruling.avoid = some_label(world);
    }
    if (world->settings.networks && !rule->refuse && prng_below(&world->owner, 2))
        rule->networks = memory_text(networks_of_rules);
}

static void add(struct sim_world *world, struct sim_node *node) {
    struct request request = {.kind = REQUEST_RULE_ADD, .body = &rule_table,
                              .body_offset = offsetof(struct request, rule)};
    struct rule *rule = &request.rule;
    name_rule(rule->name, (unsigned)prng_below(&world->owner, names_most));
    if (find(node, rule->name) == node->ruled_count) {
        draw_rule(world, node, rule);
        rule->position = (uint32_t)prng_below(&world->owner, node->ruled_count + 2);
        uint32_t at = rule->position && rule->position <= node->ruled_count ? rule->position - 1
                                                                            : node->ruled_count;
        if (ask(world, node, &request)) {
            struct rule copy;
            record_clone(&rule_table, rule, &copy);
            insert(node, at, copy);
            number(node);
        }
    }
    request_clear(&request);
}

static void set(struct sim_world *world, struct sim_node *node, uint32_t at) {
    struct request request = {.kind = REQUEST_RULE_SET, .body = &rule_set_table,
                              .body_offset = offsetof(struct request, rule)};
    text_set(request.key, node->ruled[at].name);
    draw_rule(world, node, &request.rule);
    if (ask(world, node, &request)) {
        struct rule rule;
        record_clone(&rule_set_table, &request.rule, &rule);
        text_set(rule.name, node->ruled[at].name);
        record_clear(&rule_table, &node->ruled[at]);
        node->ruled[at] = rule;
        number(node);
    }
    request_clear(&request);
}

static void move(struct sim_world *world, struct sim_node *node, uint32_t at) {
    uint32_t to = (uint32_t)prng_below(&world->owner, node->ruled_count);
    struct request request = {.kind = REQUEST_RULE_MOVE, .rule_move = {.position = to + 1}};
    struct rule rule = node->ruled[at];
    text_set(request.key, rule.name);
    if (!ask(world, node, &request))
        return;
    memset(&node->ruled[at], 0, sizeof(rule)); /* what it points to goes along */
    forget(node, at);
    insert(node, to, rule);
    number(node);
}

static void delete(struct sim_world *world, struct sim_node *node, uint32_t at) {
    struct request request = {.kind = REQUEST_RULE_DELETE};
    text_set(request.key, node->ruled[at].name);
    if (ask(world, node, &request)) {
        forget(node, at);
        number(node);
    }
}

void rules_act(struct sim_world *world, struct sim_node *node) {
    if (!node_is_upstream(node))
        return;
    prng_init(&world->owner, map_hash(world->settings.seed + world->now_ms + 3, node->name,
                                      strlen(node->name)));
    if (!world_fault(world, &world->owner, world->settings.rules) || !node_serves(node))
        return;
    uint64_t what = prng_below(&world->owner, 6);
    uint32_t count = node->ruled_count;
    uint32_t at = count ? (uint32_t)prng_below(&world->owner, count) : 0;
    if (!count || (what < 3 && count < rules_most))
        add(world, node);
    else if (what < 4)
        set(world, node, at);
    else if (what < 5)
        move(world, node, at);
    else
        delete(world, node, at);
}

bool rules_restore(struct sim_world *world, struct sim_node *node) {
    if (node->ruled_count && node->role && node_serves(node))
        delete(world, node, 0);
    return !node->ruled_count;
}
