/* Told at the loss, held against the copies that the cluster lists then; and against what its block
 * store has when a host makes a disk of it. Those above know no names: any copy may be theirs. */
#include "sim/laws/lost/restored.h"

#include "base/text.h"
#include "core/downstream/lending.h"
#include "core/role.h"
#include "sim/actors/workload.h"
#include "sim/laws/law.h"
#include "sim/parts/blocks/blocks.h"
#include "sim/world/node.h"

struct told {
    const struct sim_world *world;
    const struct sim_node *node; /* whose clock it is */
    const char *root;            /* NULL: any */
    uint64_t ms;
};

static bool is_as_new(const struct sim_copy *copy, const void *what) {
    const struct told *told = what;
    uint64_t ago_ms = told->world->now_ms - copy->made_ms;
    return copy->is_whole && (!told->root || text_equal(told->root, copy->root)) &&
           node_wall_ms(told->world, told->node) - ago_ms >= told->ms;
}

static bool is_somewhere(const struct told *told, const char *vm) {
    for (uint32_t i = 0; i < told->world->nodes_count; i++)
        if (blocks_find(told->world->nodes[i], vm, is_as_new, told))
            return true;
    return false;
}

static enum restart_from wanted(const struct sim_world *world, const struct sim_node *node,
                                const struct vm *vm) {
    const struct book_vm *it = book_vm(role_book(node->role), vm->id);
    const struct template *made = it ? downstream_vm(it)->template : NULL;
    return made ? workload_restart_from(world, made->definition.name) : vm->restart_from;
}

/* Its host is lost, and what it was to be made from by then was for nothing. */
static void check_loss(struct sim_world *world, const struct sim_node *node,
                       const struct stored_vm *stored, const struct restart *before) {
    const struct vm *vm = &stored->vm;
    const struct copy *newest = vm->copies_count ? &vm->copies[vm->copies_count - 1] : NULL;
    bool is_usable = newest && text_equal(newest->image, vm->digest);
    if (wanted(world, node, vm) == RESTART_FROM_IMAGE) {
        if (vm->restored_ms)
            law_fail(world, "from a copy", "%s makes %s from a copy, which nobody wants",
                     node->name, vm->id);
    } else if (is_usable && vm->restored_ms != newest->made_ms) {
        law_fail(world, "from a copy", "%s makes %s from what was there at %llu; its newest copy "
                 "is of %llu", node->name, vm->id, (unsigned long long)vm->restored_ms,
                 (unsigned long long)newest->made_ms);
    } else if (!is_usable && !before->move) {
        law_fail(world, "from a copy", "%s makes %s elsewhere, of which there is no copy",
                 node->name, vm->id);
    }
}

static bool is_named(const struct sim_copy *copy, const void *what) {
    return text_equal(copy->root, what);
}

/* Its host is told to put it aside: what it is made from instead has been read. */
static void check_proven(struct sim_world *world, const struct sim_node *node,
                         const struct vm *vm) {
    const struct copy *newest = vm->copies_count ? &vm->copies[vm->copies_count - 1] : NULL;
    const struct sim_copy *there =
        newest ? blocks_find(node, vm->id, is_named, newest->root) : NULL;
    if (vm->restored_ms && there && !there->was_proven)
        law_fail(world, "from a copy", "%s makes %s elsewhere from a copy that nobody has read",
                 node->name, vm->id);
}

static void check_told(struct sim_world *world, const struct sim_node *node, const struct vm *vm) {
    const struct told told = {world, node, NULL, vm->restored_ms};
    if (vm->restored_ms && !is_somewhere(&told, vm->id))
        law_fail(world, "data is no older than told", "%s says that what came back of %s is newer "
                 "than any copy", node->name, vm->id);
}

static void check_vm(struct restored *restored, struct sim_world *world,
                     const struct sim_node *node, const struct stored_vm *stored) {
    const struct vm *vm = &stored->vm;
    struct restart *at = ledger_put(&restored->restarts, node, vm->id);
    bool is_lost = vm->restarts > at->count;
    bool is_own = !node_is_upstream(node) && stored->move == MOVE_ARRIVING;
    if (is_lost && is_own && !world->settings.restores)
        check_loss(world, node, stored, at);
    if (is_lost && is_own && !at->move)
        check_proven(world, node, vm);
    if (is_lost)
        check_told(world, node, vm);
    at->is_due = is_own && (at->is_due || is_lost) && vm->restored_ms;
    at->count = vm->restarts;
    at->epoch = vm->place_epoch;
    at->told_ms = vm->restored_ms;
    at->move = stored->move;
}

static const struct stored_vm *saved(const struct effects *effects, size_t at) {
    const struct effect *effect = &effects->items[at];
    return effect->kind == EFFECT_SAVE && effect->record.table == &stored_vm_table
               ? effect->record.data
               : NULL;
}

/* Only what is there after the commit. */
static bool is_last(const struct effects *effects, size_t at) {
    const char *id = saved(effects, at)->vm.id;
    for (size_t i = at + 1; i < effects->count; i++)
        if (saved(effects, i) && text_equal(saved(effects, i)->vm.id, id))
            return false;
    return true;
}

/* A rebuild makes another disk: nobody wants that one back which was before. */
static void check_rebuilt(struct sim_world *world, const struct sim_node *node,
                          const struct operation *op) {
    const struct book_vm *vm = book_vm(role_book(node->role), op->vm);
    if (op->verb != VERB_REBUILD || op->state != OP_SUCCEEDED || !vm || world->settings.restores)
        return;
    for (uint32_t i = 0; i < vm->record.copies_count; i++)
        if (*vm->record.copies[i].root && vm->record.copies[i].made_ms < op->ended_ms)
            law_fail(world, "from a copy", "%s keeps a copy of %s of before its rebuild",
                     node->name, op->vm);
}

void restored_check(struct restored *restored, struct sim_world *world,
                    const struct sim_node *node, const struct effects *effects) {
    for (size_t i = 0; node->settings.kind != ROLE_AGENT && i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        if (saved(effects, i) && is_last(effects, i))
            check_vm(restored, world, node, saved(effects, i));
        if (effect->kind == EFFECT_SAVE && effect->record.table == &operation_table)
            check_rebuilt(world, node, effect->record.data);
    }
}

void restored_check_job(const struct restored *restored, struct sim_world *world,
                        const struct sim_node *host, const struct effect_job *job) {
    const struct sim_node *manager = node_named(world, host->settings.managers[0].name);
    const struct restart *at =
        manager ? ledger_get(&restored->restarts, manager, job->vm) : NULL;
    if (job->kind != JOB_CREATE || !at || at->epoch != job->epoch || world->settings.restores)
        return;
    const struct sim_copy *named =
        blocks_find(manager, job->vm, is_named, job->copy.root);
    if (*job->copy.root && named && named->was_lacking)
        law_fail(world, "from a copy", "%s is to make %s from a copy that is known to lack "
                 "something", host->name, job->vm);
    const struct told told = {world, manager, job->copy.root, at->told_ms};
    if (at->is_due && !*job->copy.root)
        law_fail(world, "from a copy", "%s makes %s from its image, which is to be as it was at "
                 "%llu", host->name, job->vm, (unsigned long long)at->told_ms);
    if (*job->copy.root && blocks_fetch(world, host, job) &&
        (!at->told_ms || !is_somewhere(&told, job->vm)))
        law_fail(world, "data is no older than told", "%s makes %s from a copy that is older than "
                 "%llu", host->name, job->vm, (unsigned long long)at->told_ms);
}

/* By clocks that may have gone apart a little since. */
static void check_age(struct sim_world *world, const struct sim_node *above,
                      const struct sim_node *place, const struct vm *told,
                      const struct vm *there) {
    uint64_t told_ago_ms = node_wall_ms(world, above) - told->restored_ms;
    uint64_t ago_ms = node_wall_ms(world, place) - there->restored_ms;
    if (told_ago_ms + told_ago_ms / 20 + 1000 < ago_ms)
        law_fail(world, "data is no older than told", "%s says that what came back of %s was %llu "
                 "ms old by now, and it is %llu", above->name, told->id,
                 (unsigned long long)told_ago_ms, (unsigned long long)ago_ms);
}

void restored_check_end(struct sim_world *world, const struct sim_node *node) {
    const struct book *book = node->role ? role_book(node->role) : NULL;
    if (!book || !node_is_upstream(node))
        return;
    list_for(const struct book_vm, vm, &book->vms, by_age) {
        const struct sim_node *place = node_named(world, vm->record.place);
        const struct book_vm *there =
            place && place->role ? book_vm(role_book(place->role), vm->record.id) : NULL;
        bool is_told = there && vm->stored.restarts_told == there->record.restarts &&
                       there->record.restarts;
        if (is_told && (vm->record.restored_ms != 0) != (there->record.restored_ms != 0))
            law_fail(world, "wanted is actual", "%s says of %s that it came back from %s, which %s "
                     "does not", node->name, vm->record.id,
                     vm->record.restored_ms ? "a copy" : "its image", place->name);
        else if (is_told && vm->record.restored_ms && !world->settings.clock_jump)
            check_age(world, node, place, &vm->record, &there->record);
    }
}
