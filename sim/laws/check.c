/* The laws that are checked after each step, and once a minute. */

#include "core/role.h"
#include "sim/laws/check.h"
#include "sim/actors/owners.h"
#include "sim/actors/parties.h"
#include "sim/actors/workload.h"
#include "sim/parts/domain.h"
#include "sim/world/node.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/books/lifecycle.h"
#include "core/books/reshape.h"
#include "message/labels.h"
#include "sim/parts/carrier.h"

void check_fail(struct sim_world *world, const char *law, const char *format, ...) {
    char words[1024];
    va_list arguments;
    fflush(stdout);
    fprintf(stderr, "seed %llu at %llu ms: law broken: %s: ",
            (unsigned long long)world->settings.seed, (unsigned long long)world->now_ms, law);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    settings_print(&world->settings, words, sizeof(words));
    fprintf(stderr, "\n");
    exit(1);
}

static void promise_key(char *key, size_t size, const char *kind, const struct sim_node *node,
                        const char *name) {
    struct text text = {.data = key, .capacity = size, .limit = size - 1}; /* so it never grows */
    text_add(&text, kind);
    text_add(&text, "/");
    text_add_number(&text, node->index);
    text_add(&text, "/");
    text_add(&text, name);
}

struct promise *promise_get(const struct sim_world *world, const char *kind,
                            const struct sim_node *node, const char *name) {
    char key[sizeof(((struct promise *)NULL)->key)];
    promise_key(key, sizeof(key), kind, node, name);
    return map_get(&world->promises, key);
}

struct promise *promise_put(struct sim_world *world, const char *kind,
                            const struct sim_node *node, const char *name) {
    struct promise *promise = promise_get(world, kind, node, name);
    if (promise)
        return promise;
    promise = memory_new(1, sizeof(*promise));
    promise_key(promise->key, sizeof(promise->key), kind, node, name);
    map_put(&world->promises, promise->key, promise);
    list_add(&world->promised, &promise->node);
    return promise;
}

void promise_drop(struct sim_world *world, struct promise *promise) {
    if (!promise)
        return;
    map_remove(&world->promises, promise->key);
    list_remove(&promise->node);
    memory_free(promise);
}

void check_role(struct sim_world *world, struct sim_node *node, const struct effects *effects) {
    enum { short_rows = 32, full_steps = 64 };
    const struct book *book = role_book(node->role);
    if (world->settings.bare)
        return;
    if (book->vms_count + book->ops_count <= short_rows || ++node->steps % full_steps == 0) {
        role_check(node->role);
        check_waits(world, node);
    } else {
        book_check_saved(book, effects);
    }
}

/* Law 6: a deadline ends what nobody confirmed. A host's job is waited for, late as it may be. */
static void check_deadline(struct sim_world *world, const struct sim_node *node,
                           const struct operation *op) {
    enum { job_most_ms = 700000 };
    bool ended = op->state == OP_SUCCEEDED || op->state == OP_FAILED;
    if (ended) {
        promise_drop(world, promise_get(world, "due", node, op->id));
        return;
    }
    if (promise_get(world, "due", node, op->id))
        return;
    struct promise *promise = promise_put(world, "due", node, op->id);
    promise->allowed_ms =
        op->deadline_ms > op->created_ms ? op->deadline_ms - op->created_ms : 0;
    promise->allowed_ms += node->settings.kind == ROLE_AGENT ? job_most_ms : 0;
    promise->due_ms = world->now_ms + promise->allowed_ms;
}

static bool stands_below(const struct sim_world *world, const struct sim_node *node,
                         const struct sim_node *manager) {
    if (node == manager)
        return true;
    for (size_t i = 0; i < node->settings.managers_count; i++)
        if (stands_below(world, node_named(world, node->settings.managers[i].name), manager))
            return true;
    return false;
}

/* Is the VM on a host somewhere under the manager? What another one under the same manager above
 * has is not its matter. */
static bool is_below(const struct sim_world *world, const struct sim_node *manager,
                     const char *id) {
    const struct sim_vm *vm = domain_vm(world, id);
    struct list *at = NULL, *next = NULL;
    if (!vm)
        return false;
    list_each(at, next, &vm->domains)
        if (stands_below(world, container_of(at, struct sim_domain, by_vm)->node, manager))
            return true;
    return false;
}

/* Laws 4 and 6: an end is true when a manager writes it. */
static void check_end_above(struct sim_world *world, const struct sim_node *node,
                            const struct operation *op) {
    bool vm = is_below(world, node, op->vm);
    if (op->verb == VERB_DELETE && vm)
        check_fail(world, "true end", "%s deleted %s, which is there", op->id, op->vm);
    bool evicted = promise_get(world, "evicted", world->nodes[0], op->vm) ||
                   promise_get(world, "moved", world->nodes[0], op->vm);
    if (op->verb != VERB_DELETE && !vm && !evicted) /* which may be heard of before the result */
        check_fail(world, "true end", "%s (%s) succeeded on %s, which is nowhere", op->id,
                   verb_names[op->verb], op->vm);
}

/* On the host itself it is true to the letter. */
static void check_end_on_host(struct sim_world *world, const struct sim_node *node,
                              const struct operation *op) {
    const struct sim_domain *domain = domain_of(world, node, op->vm);
    bool running = domain && domain->state == VM_RUNNING, is_true = domain;
    if (op->verb == VERB_DELETE || op->verb == VERB_MIGRATE)
        is_true = !domain;
    if (op->verb == VERB_RECEIVE)
        is_true = domain && domain->is_shell;
    const struct book_vm *vm = book_vm(role_book(node->role), op->vm);
    if (op->verb == VERB_START || op->verb == VERB_RESUME || op->verb == VERB_ADOPT)
        is_true = running || (domain && vm && vm->fell && vm->record.state == domain->state);
    if (op->verb == VERB_STOP || op->verb == VERB_SHUTDOWN)
        is_true = domain && !running;
    if (op->verb == VERB_PAUSE)
        is_true = domain && domain->state == VM_PAUSED;
    if (op->verb == VERB_SUSPEND)
        is_true = domain && domain->state == VM_SUSPENDED;
    if (domain && vm && !vm->active && reshape_tells(op->verb))
        check_shape(world, node, &vm->record, domain);
    if (!is_true)
        check_fail(world, "true end", "%s (%s) succeeded on %s, which %s", op->id,
                   verb_names[op->verb], op->vm,
                   domain ? vm_state_names[domain->state] : "is not there");
}

static void check_op(struct sim_world *world, const struct sim_node *node,
                     const struct operation *op) {
    if (op->ended_ms != node_wall_ms(world, node))
        return;
    if (node_is_upstream(node))
        world->stats.ended[op->verb][op->code]++;
    bool unplaced = op->code == CODE_NO_CAPACITY && op->verb == VERB_DEFINE;
    if (unplaced && settings_are_calm(&world->settings))
        check_fail(world, "what is shown is there", "%s: no room for %s, in a calm world",
                   node->name, op->vm);
    check_had(world, node, op);
    if (op->state == OP_SUCCEEDED && node->settings.kind == ROLE_AGENT)
        check_end_on_host(world, node, op);
    else if (op->state == OP_SUCCEEDED)
        check_end_above(world, node, op);
}

/* Law 4: what is newer never gives way to what is older. */
static void check_generation(struct sim_world *world, const struct sim_node *node,
                             const struct vm *vm) {
    struct promise *seen = promise_put(world, "vm", node, vm->id);
    if (vm->generation < seen->due_ms || vm->place_generation < seen->allowed_ms ||
        vm->epoch < seen->count)
        check_fail(world, "newest wins",
                   "%s: %s goes from epoch %u generation %llu back to %u, %llu", node->name,
                   vm->id, seen->count, (unsigned long long)seen->due_ms, vm->epoch,
                   (unsigned long long)vm->generation);
    seen->due_ms = vm->generation;
    seen->allowed_ms = vm->place_generation;
    seen->count = vm->epoch;
}

static void check_forgotten(struct sim_world *world, const struct sim_node *node,
                            const struct record *record) {
    if (record->table == &vm_table) {
        const struct vm *vm = record->data;
        promise_drop(world, promise_get(world, "vm", node, vm->id));
    } else if (record->table == &operation_table) {
        const struct operation *op = record->data;
        promise_drop(world, promise_get(world, "due", node, op->id));
    }
}

/* What each party uses of the node, into `out`, in one walk. */
static void sum_used(const struct sim_world *world, const struct sim_node *node,
                     struct owner_limits *out) {
    struct list *at = NULL, *next = NULL;
    size_t parties = parties_count(world, node);
    memset(out, 0, parties * sizeof(*out));
    list_each(at, next, &role_book(node->role)->vms) {
        const struct vm *vm = &container_of(at, struct book_vm, by_age)->record;
        size_t which = parties_which(world, node, vm->owner);
        if (which == parties || (!node_is_upstream(node) && !lifecycle_occupies(vm->state)))
            continue;
        out[which].vms++;
        out[which].cpus += vm->size.cpus;
        out[which].memory_mib += vm->size.memory_mib;
        out[which].disk_gib += vm->size.disk_gib;
    }
}

void check_count_used(const struct sim_world *world, struct sim_node *node) {
    if (node->used)
        sum_used(world, node, node->used);
}

static bool exceeds(uint64_t limit, uint64_t used, uint64_t before) {
    return limit && used > limit && used > before;
}

static bool limits_exceeded(const struct owner_limits *limit, const struct owner_limits *used,
                            const struct owner_limits *before) {
    return exceeds(limit->vms, used->vms, before->vms) ||
           exceeds(limit->cpus, used->cpus, before->cpus) ||
           exceeds(limit->memory_mib, used->memory_mib, before->memory_mib) ||
           exceeds(limit->disk_gib, used->disk_gib, before->disk_gib);
}

static bool is_saved_again(const struct effects *effects, size_t at, const char *id) {
    for (size_t i = at + 1; i < effects->count; i++) {
        const struct record *record = &effects->items[i].record;
        if (effects->items[i].kind == EFFECT_SAVE && record->table == &vm_table &&
            text_equal(((const struct vm *)record->data)->id, id))
            return true;
    }
    return false;
}

/* A VM that was lost counts again as soon as its host has it, or anything is done with it: takes
 * out of `used` what a step did to VMs besides defining them. */
static void subtract_found(const struct sim_world *world, const struct sim_node *node,
                           const struct effects *effects, struct owner_limits *used) {
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        if (effect->kind != EFFECT_SAVE || effect->record.table != &vm_table)
            continue;
        const struct vm *saved = effect->record.data;
        const struct book_vm *vm = book_vm(role_book(node->role), saved->id);
        size_t which = parties_which(world, node, saved->owner);
        if (!vm || !lifecycle_occupies(vm->record.state) || vm->record.state == VM_PENDING ||
            which == parties_count(world, node) || is_saved_again(effects, i, saved->id))
            continue;
        used[which].vms--;
        used[which].cpus -= saved->size.cpus;
        used[which].memory_mib -= saved->size.memory_mib;
        used[which].disk_gib -= saved->size.disk_gib;
    }
}

/* Law 3: no definition takes what an upstream uses beyond what the owner lends. (It may be beyond
 * it already, where the owner has lowered a limit or a host has found again what it had lost.) */
static void check_limits(struct sim_world *world, struct sim_node *node,
                         const struct effects *effects, bool defines) {
    struct party party;
    size_t parties = parties_count(world, node);
    struct owner_limits *all = memory_new(parties, sizeof(*all));
    sum_used(world, node, all);
    struct owner_limits *defined = memory_copy(all, parties * sizeof(*all));
    bool beyond = false;
    for (size_t i = 0; defines && i < parties; i++)
        beyond |= limits_exceeded(&node->lent[i], &all[i], &node->used[i]);
    if (beyond)
        subtract_found(world, node, effects, defined);
    for (size_t i = 0; beyond && i < parties; i++)
        if (limits_exceeded(&node->lent[i], &defined[i], &node->used[i]))
            check_fail(world, "sovereignty", "%s lends %s %llu VMs, %llu cpus; it has %llu, %llu",
                       node->name, parties_name(node, i, &party),
                       (unsigned long long)node->lent[i].vms,
                       (unsigned long long)node->lent[i].cpus, (unsigned long long)all[i].vms,
                       (unsigned long long)all[i].cpus);
    memory_free(defined);
    memory_free(node->used);
    node->used = all;
}

static void check_gone(struct sim_world *world, const struct sim_node *node,
                       const struct record *record) {
    const struct vm *vm = record->data;
    if (record->table == &vm_table && is_below(world, node, vm->id))
        check_fail(world, "nothing is half-made", "%s forgets %s, which has a domain",
                   node->name, vm->id);
}

/* A locked VM is nobody's to act on, until it is unlocked. */
static void check_lock(struct sim_world *world, const struct sim_node *node,
                       const struct operation *op) {
    struct promise *locked = promise_get(world, "locked", node, op->vm);
    bool ended = op->state == OP_SUCCEEDED || op->state == OP_FAILED;
    if (!node_is_upstream(node))
        return;
    if (locked && !ended && op->verb != VERB_UNLOCK)
        check_fail(world, "locked", "%s (%s) is begun on %s, which is locked", op->id,
                   verb_names[op->verb], op->vm);
    if (op->verb == VERB_LOCK && op->state == OP_SUCCEEDED)
        (void)promise_put(world, "locked", node, op->vm);
    if (op->verb == VERB_UNLOCK && op->state == OP_SUCCEEDED && locked)
        promise_drop(world, locked);
}

static void check_op_saved(struct sim_world *world, const struct sim_node *node,
                           const struct operation *op) {
    check_deadline(world, node, op);
    check_lock(world, node, op);
}

void check_commit(struct sim_world *world, struct sim_node *node, const struct effects *effects) {
    if (world->settings.bare)
        return;
    for (size_t i = 0; i < effects->count; i++) {
        const struct record *record = &effects->items[i].record;
        if (effects->items[i].kind == EFFECT_FORGET)
            check_forgotten(world, node, record);
        else if (record->table == &operation_table)
            check_op_saved(world, node, record->data);
        else if (record->table == &vm_table)
            check_generation(world, node, record->data);
    }
}

static bool outgrows(uint64_t limit, uint64_t used, uint32_t growth) {
    return limit && used > limit && growth;
}

/* Law 3: neither an owner's limits nor a quota are outgrown by a resize that begins. */
static void check_growth(struct sim_world *world, const struct sim_node *node,
                         const struct operation *op) {
    size_t which = parties_which(world, node, op->owner), parties = parties_count(world, node);
    if (op->verb != VERB_RESIZE || op->state != OP_PENDING || size_is_zero(&op->was) ||
        op->created_ms != node_wall_ms(world, node) || !node->lent || which == parties)
        return;
    struct owner_limits *used = memory_new(parties, sizeof(*used));
    const struct owner_limits *lent = &node->lent[which];
    struct size growth = size_growth(&op->was, &op->definition.size);
    sum_used(world, node, used);
    if (outgrows(lent->cpus, used[which].cpus, growth.cpus) ||
        outgrows(lent->memory_mib, used[which].memory_mib, growth.memory_mib) ||
        outgrows(lent->disk_gib, used[which].disk_gib, growth.disk_gib))
        check_fail(world, "sovereignty", "%s lets %s grow beyond what is lent to %s", node->name,
                   op->vm, op->owner);
    memory_free(used);
}

static void check_destination(struct sim_world *world, const struct sim_node *node,
                              const struct vm *vm) {
    struct promise *to = promise_put(world, "to", node, vm->id);
    const char *now = vm->destination ? vm->destination : "";
    if (*now && !text_equal(to->value, now) && node_named(world, now)->cordoned)
        check_fail(world, "sovereignty", "%s sends %s to %s, which is cordoned", node->name, vm->id,
                   now);
    (void)text_copy(to->value, sizeof(to->value), now);
}

/* Law 3: a cordoned host gets nothing new; what was given to it before stays. */
static void check_cordon(struct sim_world *world, const struct sim_node *node,
                         const struct vm *vm) {
    if (!node->lent || node_is_upstream(node))
        return;
    struct promise *put = promise_put(world, "put", node, vm->id);
    bool is_new = vm->state == VM_PENDING || vm->move == MOVE_ARRIVING;
    check_destination(world, node, vm);
    if (is_new && *vm->place && !text_equal(put->value, vm->place) &&
        node_named(world, vm->place)->cordoned)
        check_fail(world, "sovereignty", "%s puts %s on %s, which is cordoned", node->name,
                   vm->id, vm->place);
    const struct book_vm *it = book_vm(role_book(node->role), vm->id);
    size_t length = 0;
    if (is_new && *vm->place && !text_equal(put->value, vm->place) && it && it->active &&
        labels_missing(node_named(world, vm->place)->labels,
                       it->active->record.definition.host_must, &length))
        check_fail(world, "a label is kept", "%s puts %s, which must be on a host that is '%s', "
                   "on %s", node->name, vm->id, it->active->record.definition.host_must, vm->place);
    (void)text_copy(put->value, sizeof(put->value), vm->place);
}

/* Law 3: an owner moves only what may be moved. Who asked for it hears of what was before. */
static void check_left(struct sim_world *world, const struct sim_node *node,
                       const struct vm *vm) {
    if (!vm->move)
        return;
    bool anew = vm->move == MOVE_LEAVING || vm->move == MOVE_ARRIVING;
    enum on_drain may = workload_on_drain(world, vm->name);
    world->stats.moves += vm->move == MOVE_ARRIVING && !*vm->place;
    if (may == ON_DRAIN_STAY || (may == ON_DRAIN_MIGRATE && anew))
        check_fail(world, "a VM stays that is to stay", "%s moves %s, %s", node->name, vm->id,
                   vm->name);
    (void)promise_put(world, "moved", world->nodes[0], vm->id);
}

/* Law 3: who is revoked gets no more VMs, and has those it has taken away. */
static void check_revoked(struct sim_world *world, const struct sim_node *node,
                          const struct operation *op) {
    for (size_t i = 0; i < node->settings.managers_count; i++) {
        bool is_meant = node->revoked >> i & 1 &&
                        text_equal(op->owner, node->settings.managers[i].name);
        if (is_meant && op->verb == VERB_DELETE && op->internal)
            (void)promise_put(world, "evicted", world->nodes[0], op->vm);
        if (is_meant && op->verb == VERB_DEFINE && !op->internal && op->state == OP_PENDING &&
            op->created_ms == node_wall_ms(world, node))
            check_fail(world, "sovereignty", "%s makes %s for %s, which is revoked", node->name,
                       op->vm, op->owner);
    }
}

static bool permits_networks(const struct permissions *permit, const char *networks) {
    char name[limit_name_size];
    bool all = true;
    while (permit->networks && (networks = names_next(networks, name)))
        all &= words_have(permit->networks, name);
    return all;
}

/* Law 3: what an owner does not permit is not begun. A delete always is. */
static void check_permitted(struct sim_world *world, const struct sim_node *node,
                            const struct operation *op) {
    for (size_t i = 0; i < node->settings.managers_count; i++) {
        const struct permissions *permit = owners_permit(node, i);
        bool is_new = !op->internal && op->state == OP_PENDING && op->verb != VERB_DELETE &&
                      op->created_ms == node_wall_ms(world, node);
        bool allowed = (!permit->verbs || words_have(permit->verbs, verb_names[op->verb])) &&
                       (!permit->shapes || op->verb != VERB_DEFINE ||
                        words_have(permit->shapes, op->definition.shape)) &&
                       permits_networks(permit, op->definition.networks);
        if (is_new && !allowed && text_equal(op->owner, node->settings.managers[i].name))
            check_fail(world, "sovereignty", "%s begins %s (%s) for %s, which may not ask for it",
                       node->name, op->id, verb_names[op->verb], op->owner);
    }
}

void check_step(struct sim_world *world, struct sim_node *node, const struct effects *effects) {
    bool vms_changed = false, defines = false;
    if (world->settings.bare)
        return;
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        if (effect->kind == EFFECT_FORGET)
            check_gone(world, node, &effect->record);
        if (effect->kind != EFFECT_SAVE)
            continue;
        if (effect->record.table == &operation_table) {
            const struct operation *op = effect->record.data;
            check_op(world, node, op);
            check_timeline(world, node, op);
            check_refusals(world, node, op);
            check_permits(world, node, op);
            defines |= op->verb == VERB_DEFINE && op->state == OP_PENDING;
            check_revoked(world, node, op);
            check_growth(world, node, op);
            check_permitted(world, node, op);
        }
        if (effect->record.table == &node_table)
            check_cluster_saved(world, node, effect->record.data);
        if (effect->record.table == &vm_table) {
            check_cordon(world, node, effect->record.data);
            check_left(world, node, effect->record.data);
            check_placed(world, node, effect->record.data);
            check_held(world, node, effect->record.data);
            vms_changed = true;
        }
    }
    check_turns(world, node, effects);
    if (vms_changed && node->used)
        check_limits(world, node, effects, defines);
}

void check_asked(struct sim_world *world, const struct sim_node *cloud,
                 const struct request *request) {
    char handle[32];
    if (world->settings.bare)
        return;
    text_format(handle, sizeof(handle), "%llu", (unsigned long long)request->handle);
    struct promise *promise = promise_put(world, "asked", cloud, handle);
    promise->due_ms = world->now_ms + request->wait_ms;
    (void)text_copy(promise->value, sizeof(promise->value), request->idempotency_key);
}

/* Law 4: one key, one operation. Law 8: what was answered stays known. */
static void check_operation_told(struct sim_world *world, const struct sim_node *cloud,
                                 const char *key, const struct operation *op) {
    (void)promise_put(world, "answered", cloud, op->id);
    if (!*key)
        return;
    struct promise *used = promise_put(world, "key", cloud, key);
    if (*used->value && !text_equal(used->value, op->id))
        check_fail(world, "once", "%s made %s and %s", key, used->value, op->id);
    (void)text_copy(used->value, sizeof(used->value), op->id);
}

void check_answered(struct sim_world *world, const struct sim_node *cloud,
                    const struct reply *reply) {
    char handle[32];
    if (world->settings.bare)
        return;
    text_format(handle, sizeof(handle), "%llu", (unsigned long long)reply->handle);
    struct promise *asked = promise_get(world, "asked", cloud, handle);
    if (!asked)
        check_fail(world, "one answer", "request %s is answered twice", handle);
    if (reply->kind == REPLY_OPERATION)
        check_operation_told(world, cloud, asked->value, reply->record.data);
    promise_drop(world, asked);
    check_kept(world, cloud);
}

/* How the keys of a node's promises of a kind begin. */
struct beginning {
    char text[32];
};

static struct beginning beginning_of(const char *kind, const struct sim_node *node) {
    struct beginning beginning;
    text_format(beginning.text, sizeof(beginning.text), "%s/%u/", kind, node->index);
    return beginning;
}

/* Callers hear of it by their connections' end. */
void check_crashes(struct sim_world *world, const struct sim_node *node) {
    struct list *at = NULL, *next = NULL;
    const struct beginning asked = beginning_of("asked", node);
    if (!world->settings.bare)
        role_check(node->role); /* the last time */
    list_each(at, next, &world->promised) {
        struct promise *promise = container_of(at, struct promise, node);
        if (text_starts(promise->key, asked.text))
            promise_drop(world, promise);
    }
}

/* Time stood still for it, and its wall clock may be another. */
void check_restarted(struct sim_world *world, struct sim_node *node) {
    struct list *at = NULL, *next = NULL;
    const struct beginning due = beginning_of("due", node);
    check_count_used(world, node);
    list_each(at, next, &world->promised) {
        struct promise *promise = container_of(at, struct promise, node);
        if (!text_starts(promise->key, due.text))
            continue;
        uint64_t again = world->now_ms + (world->settings.clock_jump ? promise->allowed_ms : 0);
        promise->due_ms = again > promise->due_ms ? again : promise->due_ms;
    }
}

void check_minute(struct sim_world *world) {
    enum { slack_ms = 2000 };
    check_carriers(world);
    struct list *at = NULL, *next = NULL;
    list_each(at, next, &world->promised) {
        const struct promise *promise = container_of(at, struct promise, node);
        bool due = text_starts(promise->key, "due/"), asked = text_starts(promise->key, "asked/");
        if ((!due && !asked) || promise->due_ms + slack_ms > world->now_ms)
            continue;
        const char *index = promise->key + (due ? 4 : 6);
        const struct sim_node *node = world->nodes[strtoul(index, NULL, 10)];
        if (node->role)
            check_fail(world, "never stuck", "%s: %s should have ended at %llu ms", node->name,
                       promise->key, (unsigned long long)promise->due_ms);
    }
}
