/* Which rule applies to a VM: the first in the list that matches it, and no other. What a rule may
 * say, and how the list is changed: its positions go from 1 on without a gap. */
#include "core/upstream/rules.h"

#include <string.h>

#include "base/memory.h"
#include "core/below/lend.h"
#include "core/upstream/upstream.h"
#include "message/labels.h"

/* --- which rule applies --- */

const struct rule *rules_first(const struct upstream *upstream, const struct ruled_vm *vm) {
    for (size_t i = 0; i < upstream->rules_count; i++)
        if (rule_matches(upstream->rules[i], vm))
            return upstream->rules[i];
    return NULL;
}

static struct ruled_vm ruled(const struct vm *vm) {
    return (struct ruled_vm){vm->asker, vm->image, vm->shape, vm->metadata};
}

const struct rule *rules_first_of(const struct upstream *upstream, const struct book_vm *vm) {
    const struct ruled_vm looked_at = ruled(&vm->record);
    for (size_t i = 0; i < upstream->rules_count; i++)
        if (!upstream->rules[i]->refuse && rule_matches(upstream->rules[i], &looked_at))
            return upstream->rules[i];
    return NULL;
}

void rules_apply(const struct rule *rule, struct operation *op) {
    if (!rule)
        return;
    op->ruling = rule->ruling;
    op->rule = (char *)(uintptr_t)rule->name;
}

const char *rules_networks(const struct rule *rule, const char *wished) {
    return wished || !rule ? wished : rule->networks;
}

bool rules_permit(const struct call *call, const struct rule *rule) {
    if (!rule || !rule->refuse)
        return true;
    call_problem(call, CODE_NOT_ALLOWED, "", "the operator refuses this: %s", rule->refuse);
    return false;
}

bool rules_permit_reshape(const struct call *call, const struct book_vm *vm, const char *image,
                          const char *shape) {
    const struct peer *peer = downlink_by_name(&call->upstream->manager.downlink, vm->record.place);
    struct ruled_vm looked_at = ruled(&vm->record);
    const struct rule *is = rules_first(call->upstream, &looked_at);
    looked_at.image = image;
    looked_at.shape = shape;
    const struct rule *becomes = rules_first(call->upstream, &looked_at);
    if (becomes == is) /* a change of the list is no reason to leave a VM as it is */
        return true;
    if (!rules_permit(call, becomes))
        return false;
    if (!becomes || !peer ||
        ruling_allows(&becomes->ruling, peer->setting.name, peer_labels(peer)))
        return true;
    call_problem(call, CODE_NOT_ALLOWED, "",
                 "by the operator's rules, a VM of image '%s' and shape '%s' may not be in cluster "
                 "'%s', where this one is", image, shape, peer->setting.name);
    return false;
}

/* --- the list --- */

static void insert(struct upstream *upstream, size_t at, struct rule *rule) {
    memmove(&upstream->rules[at + 1], &upstream->rules[at],
            (upstream->rules_count - at) * sizeof(struct rule *));
    upstream->rules[at] = rule;
    upstream->rules_count++;
}

static void take_out(struct upstream *upstream, size_t at) {
    upstream->rules_count--;
    memmove(&upstream->rules[at], &upstream->rules[at + 1],
            (upstream->rules_count - at) * sizeof(struct rule *));
}

static void forget(struct rule *rule) {
    record_clear(&rule_table, rule);
    memory_free(rule);
}

void rules_load(struct upstream *upstream, const struct rule *record) {
    size_t at = upstream->rules_count;
    if (at == limit_rules)
        return;
    while (at && upstream->rules[at - 1]->position > record->position)
        at--;
    insert(upstream, at, record_copy(&rule_table, record).data);
}

void rules_deinit(struct upstream *upstream) {
    while (upstream->rules_count)
        forget(upstream->rules[--upstream->rules_count]);
}

/* Gives each its position, and saves those that have got another. */
static void number(const struct call *call) {
    struct upstream *upstream = call->upstream;
    for (size_t i = 0; i < upstream->rules_count; i++) {
        if (upstream->rules[i]->position == i + 1)
            continue;
        upstream->rules[i]->position = (uint32_t)i + 1;
        effects_save(call->moment->out, &rule_table, upstream->rules[i]);
    }
}

/* Where the rule of this name stands; the list's end: nowhere. */
static size_t find(const struct upstream *upstream, const char *name) {
    size_t at = 0;
    while (at < upstream->rules_count && !text_equal(upstream->rules[at]->name, name))
        at++;
    return at;
}

/* The rule that the request is about, as it is to be; NULL: answered. */
static struct rule *find_asked(const struct call *call, size_t *out_at) {
    struct upstream *upstream = call->upstream;
    *out_at = find(upstream, call->request->key);
    if (*out_at == upstream->rules_count) {
        call_not_found(call, "rule");
        return NULL;
    }
    struct rule *rule = upstream->rules[*out_at];
    if (!call_is_stale(call, &rule_table, rule))
        return rule;
    call_problem(call, CODE_STALE, "If-Match", "rule '%s' has changed since it was read",
                 rule->name);
    return NULL;
}

static bool fits_any(const struct downlink *downlink, const char *pattern) {
    for (size_t i = 0; i < downlink->count; i++)
        if (text_fits(pattern, downlink->peers[i].setting.name))
            return true;
    return false;
}

/* A pattern that fits no cluster is a slip of the pen, unless it stood there before: clusters may
 * be gone. False: answered. */
static bool are_known(const struct call *call, const char *patterns, const char *before) {
    char pattern[limit_name_size];
    while ((patterns = patterns_next(patterns, pattern))) {
        if (words_have(before, pattern) || fits_any(&call->upstream->manager.downlink, pattern))
            continue;
        call_problem(call, CODE_NOT_FOUND, "clusters",
                     "there is no cluster '%s': 'isthmus cluster list' shows those that there are",
                     pattern);
        return false;
    }
    return true;
}

/* A network that there is not is one, too, unless all of them stood there before. */
static bool are_networks(const struct call *call, const char *networks, const char *before) {
    char network[limit_name_size];
    upstream_find_unknown(call->upstream, networks, network);
    if (!*network || (before && text_equal(networks, before)))
        return true;
    call_problem(call, CODE_UNKNOWN_NETWORK, "networks",
                 "there is no network '%s': 'isthmus network list' shows those that there are",
                 network);
    return false;
}

/* NULL `before`: it is a new one. */
static bool admit(const struct call *call, const struct rule *rule, const struct rule *before) {
    if (!rule->refuse || (!ruling_says(&rule->ruling) && !rule->on_loss && !rule->networks))
        return are_known(call, rule->ruling.clusters, before ? before->ruling.clusters : NULL) &&
               are_networks(call, rule->networks, before ? before->networks : NULL);
    call_problem(call, CODE_INVALID, "refuse", "%s",
                 "a rule that refuses says nothing else of the VMs that it matches");
    return false;
}

void rules_add(const struct call *call) {
    struct upstream *upstream = call->upstream;
    const struct rule *wish = &call->request->rule;
    size_t at = wish->position ? wish->position - 1 : upstream->rules_count;
    if (find(upstream, wish->name) < upstream->rules_count) {
        call_problem(call, CODE_CONFLICT, "name", "there is a rule '%s' already", wish->name);
        return;
    }
    if (upstream->rules_count == limit_rules) {
        call_problem(call, CODE_FULL, "", "there are %d rules, the most that may be: delete one",
                     limit_rules);
        return;
    }
    if (!admit(call, wish, NULL))
        return;
    struct rule *rule = record_copy(&rule_table, wish).data;
    rule->position = 0; /* until it is numbered */
    insert(upstream, at < upstream->rules_count ? at : upstream->rules_count, rule);
    number(call);
    call_answer(call, REPLY_CREATED, &rule_table, rule);
}

void rules_list(const struct call *call) {
    const struct upstream *upstream = call->upstream;
    struct page page = page_begin(call, &rule_table);
    bool passed = false;
    for (size_t i = 0; i < upstream->rules_count; i++)
        if (!page_skips(call, upstream->rules[i]->name, &passed) &&
            !page_add(&page, upstream->rules[i]))
            return;
}

void rules_show(const struct call *call) {
    size_t at = 0;
    const struct rule *rule = find_asked(call, &at);
    if (rule)
        call_answer(call, REPLY_RECORD, &rule_table, rule);
}

void rules_set(const struct call *call) {
    size_t at = 0;
    struct rule *rule = find_asked(call, &at);
    if (!rule || !admit(call, &call->request->rule, rule))
        return;
    record_clear(&rule_set_table, rule); /* all of it: name and position, too */
    record_clone(&rule_set_table, &call->request->rule, rule);
    text_set(rule->name, call->request->key);
    rule->position = (uint32_t)at + 1;
    effects_save(call->moment->out, &rule_table, rule);
    call_answer(call, REPLY_RECORD, &rule_table, rule);
}

void rules_move(const struct call *call) {
    struct upstream *upstream = call->upstream;
    size_t at = 0, to = call->request->rule_move.position - 1;
    struct rule *rule = find_asked(call, &at);
    if (!rule)
        return;
    take_out(upstream, at);
    insert(upstream, to < upstream->rules_count ? to : upstream->rules_count, rule);
    number(call);
    call_answer(call, REPLY_RECORD, &rule_table, rule);
}

void rules_delete(const struct call *call) {
    size_t at = 0;
    struct rule *rule = find_asked(call, &at);
    if (!rule)
        return;
    take_out(call->upstream, at);
    effects_forget(call->moment->out, &rule_table, rule->name);
    number(call);
    call_answer(call, REPLY_GONE, &rule_table, rule);
    forget(rule);
}
