/* What is used, counted by other code than the core's, and where VMs were put before. */
#include "sim/laws/sovereignty.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/books/book.h"
#include "core/books/lifecycle.h"
#include "core/books/reshape.h"
#include "core/downstream/lending.h"
#include "core/role.h"
#include "message/labels.h"
#include "message/records/interface.h"
#include "sim/actors/owners.h"
#include "sim/actors/askers.h"
#include "sim/actors/workload.h"
#include "sim/laws/law.h"
#include "sim/world/node.h"

/* What each asker uses of the node, into `out`, in one walk. */
static void sum_used(const struct sim_world *world, const struct sim_node *node,
                     struct amounts *out) {
    struct list *at = NULL, *next = NULL;
    size_t askers = askers_count(world, node);
    memset(out, 0, askers * sizeof(*out));
    list_each(at, next, &role_book(node->role)->vms) {
        const struct vm *vm = &container_of(at, struct book_vm, by_age)->record;
        size_t which = askers_which(world, node, vm->asker);
        if (which == askers || (!node_is_upstream(node) && !lifecycle_occupies(vm->state)))
            continue;
        out[which].vms++;
        out[which].cpus += vm->size.cpus;
        out[which].memory_mib += vm->size.memory_mib;
        out[which].disk_gib += vm->size.disk_gib;
    }
}

void sovereignty_count(struct sovereignty *sovereignty, const struct sim_world *world,
                       const struct sim_node *node) {
    struct amounts **used = &sovereignty->used[node->index];
    if (!node->lent)
        return;
    if (!*used)
        *used = memory_new(askers_count(world, node), sizeof(**used));
    sum_used(world, node, *used);
}

const struct amounts *sovereignty_used(const struct sovereignty *sovereignty,
                                       const struct sim_node *node) {
    return sovereignty->used[node->index];
}

static bool exceeds(uint64_t limit, uint64_t used, uint64_t before) {
    return limit && used > limit && used > before;
}

static bool limits_exceeded(const struct amounts *limit, const struct amounts *used,
                            const struct amounts *before) {
    return exceeds(limit->vms, used->vms, before->vms) ||
           exceeds(limit->cpus, used->cpus, before->cpus) ||
           exceeds(limit->memory_mib, used->memory_mib, before->memory_mib) ||
           exceeds(limit->disk_gib, used->disk_gib, before->disk_gib);
}

static bool is_saved_again(const struct effects *effects, size_t at, const char *id) {
    for (size_t i = at + 1; i < effects->count; i++) {
        const struct record *record = &effects->items[i].record;
        if (effects->items[i].kind == EFFECT_SAVE && record->table == &stored_vm_table &&
            text_equal(((const struct vm *)record->data)->id, id))
            return true;
    }
    return false;
}

/* A VM that was lost counts again as soon as its host has it, or anything is done with it: takes
 * out of `used` what a step did to VMs besides defining them. */
static void subtract_found(const struct sim_world *world, const struct sim_node *node,
                           const struct effects *effects, struct amounts *used) {
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        if (effect->kind != EFFECT_SAVE || effect->record.table != &stored_vm_table)
            continue;
        const struct vm *saved = effect->record.data;
        const struct book_vm *vm = book_vm(role_book(node->role), saved->id);
        size_t which = askers_which(world, node, saved->asker);
        if (!vm || !lifecycle_occupies(vm->record.state) || vm->record.state == VM_PENDING ||
            which == askers_count(world, node) || is_saved_again(effects, i, saved->id))
            continue;
        used[which].vms--;
        used[which].cpus -= saved->size.cpus;
        used[which].memory_mib -= saved->size.memory_mib;
        used[which].disk_gib -= saved->size.disk_gib;
    }
}

/* Does the step define a VM? */
static bool defines(const struct effects *effects) {
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        if (effect->kind != EFFECT_SAVE || effect->record.table != &operation_table)
            continue;
        const struct operation *op = effect->record.data;
        if (op->verb == VERB_DEFINE && op->state == OP_PENDING)
            return true;
    }
    return false;
}

/* Law 3: no definition takes what an upstream uses beyond what the owner lends. (It may be beyond
 * it already, where the owner has lowered a limit or a host has found again what it had lost.) */
void sovereignty_check_limits(struct sovereignty *sovereignty, struct sim_world *world,
                              const struct sim_node *node, const struct effects *effects) {
    struct amounts *before = sovereignty->used[node->index];
    struct asker asker;
    size_t askers = askers_count(world, node);
    struct amounts *all = memory_new(askers, sizeof(*all));
    sum_used(world, node, all);
    struct amounts *defined = memory_copy(all, askers * sizeof(*all));
    bool is_looked_at = before && defines(effects), beyond = false;
    for (size_t i = 0; is_looked_at && i < askers; i++)
        beyond |= limits_exceeded(&node->lent[i], &all[i], &before[i]);
    if (beyond)
        subtract_found(world, node, effects, defined);
    for (size_t i = 0; beyond && i < askers; i++)
        if (limits_exceeded(&node->lent[i], &defined[i], &before[i]))
            law_fail(world, "sovereignty", "%s lends %s %llu VMs, %llu cpus; it has %llu, %llu",
                     node->name, askers_name(node, i, &asker),
                     (unsigned long long)node->lent[i].vms,
                     (unsigned long long)node->lent[i].cpus, (unsigned long long)all[i].vms,
                     (unsigned long long)all[i].cpus);
    memory_free(defined);
    memory_free(before);
    sovereignty->used[node->index] = all;
}

static bool outgrows(uint64_t limit, uint64_t used, uint32_t growth) {
    return limit && used > limit && growth;
}

/* Law 3: neither an owner's limits nor a quota are outgrown by a resize that begins. */
static void check_growth(struct sim_world *world, const struct sim_node *node,
                         const struct operation *op) {
    size_t which = askers_which(world, node, op->asker), askers = askers_count(world, node);
    if (op->verb != VERB_RESIZE || op->state != OP_PENDING || size_is_zero(&op->was) ||
        op->created_ms != node_wall_ms(world, node) || !node->lent || which == askers)
        return;
    struct amounts *used = memory_new(askers, sizeof(*used));
    const struct amounts *lent = &node->lent[which];
    struct size growth = size_growth(&op->was, &op->definition.size);
    sum_used(world, node, used);
    if (outgrows(lent->cpus, used[which].cpus, growth.cpus) ||
        outgrows(lent->memory_mib, used[which].memory_mib, growth.memory_mib) ||
        outgrows(lent->disk_gib, used[which].disk_gib, growth.disk_gib))
        law_fail(world, "sovereignty", "%s lets %s grow beyond what is lent to %s", node->name,
                 op->vm, op->asker);
    memory_free(used);
}

static void check_destination(struct sovereignty *sovereignty, struct sim_world *world,
                              const struct sim_node *node, const struct stored_vm *stored) {
    const struct vm *vm = &stored->vm;
    struct last_place *to = ledger_put(&sovereignty->destinations, node, vm->id);
    const char *now = stored->destination ? stored->destination : "";
    if (*now && !text_equal(to->name, now) && node_named(world, now)->cordoned)
        law_fail(world, "sovereignty", "%s sends %s to %s, which is cordoned", node->name, vm->id,
                 now);
    text_format(to->name, sizeof(to->name), "%s", now);
}

static void remember(struct ledger *ledger, const struct sim_node *node, const char *vm,
                     const char *name) {
    struct last_place *last = ledger_put(ledger, node, vm);
    text_format(last->name, sizeof(last->name), "%s", name);
}

static void forget(struct ledger *ledger, const struct sim_node *node) {
    list_for(struct entry, entry, &ledger->entries, in_ledger) {
        if (entry->node == node)
            ledger_drop(ledger, entry);
    }
}

void sovereignty_started(struct sovereignty *sovereignty, const struct sim_node *node) {
    forget(&sovereignty->places, node);
    forget(&sovereignty->destinations, node);
    list_for(const struct book_vm, vm, &role_book(node->role)->vms, by_age) {
        remember(&sovereignty->places, node, vm->record.id, vm->record.place);
        remember(&sovereignty->destinations, node, vm->record.id, book_destination(vm));
    }
}

/* Law 3: a cordoned host gets nothing new; what was given to it before stays. */
static void check_cordon(struct sovereignty *sovereignty, struct sim_world *world,
                         const struct sim_node *node, const struct stored_vm *stored) {
    const struct vm *vm = &stored->vm;
    if (!node->lent || node_is_upstream(node))
        return;
    struct last_place *put = ledger_put(&sovereignty->places, node, vm->id);
    bool is_new = vm->state == VM_PENDING || stored->move == MOVE_ARRIVING;
    check_destination(sovereignty, world, node, stored);
    if (is_new && *vm->place && !text_equal(put->name, vm->place) &&
        node_named(world, vm->place)->cordoned)
        law_fail(world, "sovereignty", "%s puts %s on %s, which is cordoned", node->name,
                 vm->id, vm->place);
    const struct book_vm *it = book_vm(role_book(node->role), vm->id);
    size_t length = 0;
    if (is_new && *vm->place && !text_equal(put->name, vm->place) && it && it->active &&
        labels_missing(node_named(world, vm->place)->labels,
                       it->active->record.definition.host_must, &length))
        law_fail(world, "a label is kept", "%s puts %s, which must be on a host that is '%s', "
                 "on %s", node->name, vm->id, it->active->record.definition.host_must, vm->place);
    text_format(put->name, sizeof(put->name), "%s", vm->place);
}

/* Its operator restarts in another cluster only what may be restarted anywhere. */
static void check_elsewhere(struct sim_world *world, const struct sim_node *node,
                            const struct vm *vm) {
    if (vm->on_loss != ON_LOSS_ANYWHERE)
        law_fail(world, "a VM stays that is to stay", "%s makes %s in another cluster, %s",
                 node->name, vm->id, vm->name);
}

/* Law 3: an owner moves only what may be moved, by the name that it was made with first, wherever
 * that was: it may have another since, and be made anew elsewhere with that. */
static void check_moved(const struct last_place *made, struct sim_world *world,
                        const struct sim_node *node, const struct stored_vm *stored) {
    const struct vm *vm = &stored->vm;
    if (node_is_upstream(node)) {
        check_elsewhere(world, node, vm);
        return;
    }
    bool anew = stored->move == MOVE_LEAVING || stored->move == MOVE_ARRIVING;
    enum on_drain may = workload_on_drain(world, made->name);
    world->stats.moves += stored->move == MOVE_ARRIVING && !*vm->place;
    bool is_recovered = anew && on_loss_is_leased(vm->on_loss);
    world->stats.recovered += is_recovered && stored->move == MOVE_ARRIVING && !*vm->place;
    if (!is_recovered && (may == ON_DRAIN_STAY || (may == ON_DRAIN_MIGRATE && anew)))
        law_fail(world, "a VM stays that is to stay", "%s moves %s, %s", node->name, vm->id,
                 vm->name);
}

/* Law 3: who is revoked gets no more VMs, and has those it has taken away. */
static void check_revoked(struct ends *ends, struct sim_world *world, const struct sim_node *node,
                          const struct operation *op) {
    for (size_t i = 0; i < node->settings.managers_count; i++) {
        bool is_meant = node->revoked >> i & 1 &&
                        text_equal(op->asker, node->settings.managers[i].name);
        if (is_meant && op->verb == VERB_DELETE && op->internal)
            ends_evicted(ends, world, op->vm);
        if (is_meant && op->verb == VERB_DEFINE && !op->internal && op->state == OP_PENDING &&
            op->created_ms == node_wall_ms(world, node))
            law_fail(world, "sovereignty", "%s makes %s for %s, which is revoked", node->name,
                     op->vm, op->asker);
    }
}

/* What a VM has already stays, whatever is permitted by now. */
static bool permits_networks(const struct sim_node *node, const struct permissions *permit,
                             const struct operation *op) {
    const struct book_vm *vm = book_vm(role_book(node->role), op->vm);
    char name[limit_name_size], added[interfaces_size];
    const char *rest = interfaces_added(vm && verb_connects(op->verb) ? vm->record.networks : NULL,
                                        op->definition.networks, added);
    bool all = true;
    for (unsigned i = 0; permit->networks && (rest = slots_next(rest, &i, name)); i++)
        all &= words_have(permit->networks, name);
    return all;
}

static bool permits_placing(const struct permissions *permit, const struct definition *definition) {
    return !permit->placing ||
           ((!definition->apart || words_have(permit->placing, placing_apart)) &&
            (!definition->host_must || words_have(permit->placing, placing_host_must)) &&
            (definition->on_loss == ON_LOSS_STAY || words_have(permit->placing, placing_restart)) &&
            (definition->on_loss != ON_LOSS_ANYWHERE ||
             words_have(permit->placing, placing_anywhere)));
}

/* Law 3: what an owner does not permit is not begun. A delete always is. */
static void check_permitted(struct sim_world *world, const struct sim_node *node,
                            const struct operation *op) {
    for (size_t i = 0; i < node->settings.managers_count; i++) {
        const struct permissions *permit = owners_permit(node, i);
        bool is_new = !op->internal && op->state == OP_PENDING && !verb_ends(op->verb) &&
                      op->created_ms == node_wall_ms(world, node);
        bool allowed = (!permit->verbs || words_have(permit->verbs, verb_names[op->verb])) &&
                       (!permit->shapes || op->verb != VERB_DEFINE ||
                        words_have(permit->shapes, op->definition.shape)) &&
                       permits_networks(node, permit, op) &&
                       (op->verb != VERB_DEFINE || permits_placing(permit, &op->definition));
        if (is_new && !allowed && text_equal(op->asker, node->settings.managers[i].name))
            law_fail(world, "sovereignty", "%s begins %s (%s) for %s, which may not ask for it",
                     node->name, op->id, verb_names[op->verb], op->asker);
    }
}

void sovereignty_check_op(struct ends *ends, struct sim_world *world, const struct sim_node *node,
                          const struct operation *op) {
    check_revoked(ends, world, node, op);
    check_growth(world, node, op);
    check_permitted(world, node, op);
}

void sovereignty_check_vm(struct sovereignty *sovereignty, struct ends *ends,
                          struct sim_world *world, const struct sim_node *node,
                          const struct stored_vm *stored) {
    struct last_place *made = ledger_put(&sovereignty->names, world->nodes[0], stored->vm.id);
    if (!*made->name)
        text_set(made->name, stored->vm.name);
    check_cordon(sovereignty, world, node, stored);
    if (!stored->move)
        return;
    check_moved(made, world, node, stored);
    ends_moved(ends, world, stored->vm.id); /* who asked for it hears of what was before */
}
