/* A copy's time, by the wall clock of whoever lists it, against what the block store has; of a
 * cluster, by the copy's name; of those above, who know no names, by any copy of the VM. */
#include "sim/laws/kept/copies.h"

#include "base/text.h"
#include "core/books/copies.h"
#include "core/role.h"
#include "sim/laws/law.h"
#include "sim/parts/blocks/blocks.h"
#include "sim/world/node.h"

struct wanted {
    const struct sim_world *world;
    const struct sim_node *node; /* whose clock it is */
    const struct copy *copy;
};

static bool is_named(const struct sim_copy *there, const void *what) {
    const struct wanted *wanted = what;
    return there->is_kept && text_equal(there->root, wanted->copy->root);
}

/* Now and then are by one clock. */
static bool is_as_new(const struct sim_copy *there, const void *what) {
    const struct wanted *wanted = what;
    uint64_t ago_ms = wanted->world->now_ms - there->made_ms;
    return there->is_whole &&
           node_wall_ms(wanted->world, wanted->node) - ago_ms >= wanted->copy->made_ms;
}

static void check_own(struct sim_world *world, const struct sim_node *node, const struct vm *vm,
                      const struct wanted *wanted) {
    const struct sim_copy *there = blocks_find(node, vm->id, is_named, wanted);
    if (!there || !there->is_whole)
        law_fail(world, "copies are whole", "%s counts copy %llu of %s, which is %s", node->name,
                 (unsigned long long)wanted->copy->number, vm->id,
                 there ? "there in part" : "not there");
    if (!is_as_new(there, wanted))
        law_fail(world, "data is no older than told", "%s: copy %llu of %s is older", node->name,
                 (unsigned long long)wanted->copy->number, vm->id);
}

static void check_told(struct sim_world *world, const struct sim_node *node, const struct vm *vm,
                       const struct wanted *wanted) {
    for (uint32_t i = 0; i < world->nodes_count; i++)
        if (blocks_find(world->nodes[i], vm->id, is_as_new, wanted))
            return;
    law_fail(world, "data is no older than told", "%s says that a copy of %s is newer than any",
             node->name, vm->id);
}

/* A cluster's, each time; one whose store is an older one may list what has gone since. */
static void check_all_kept(struct sim_world *world, const struct sim_node *node,
                           const struct vm *vm) {
    for (uint32_t i = 0; !world->settings.restores && i < vm->copies_count; i++) {
        const struct wanted wanted = {world, node, &vm->copies[i]};
        if (*vm->copies[i].root && !blocks_find(node, vm->id, is_named, &wanted))
            law_fail(world, "copies are whole", "%s lists copy %llu of %s, which has gone",
                     node->name, (unsigned long long)vm->copies[i].number, vm->id);
    }
}

static void check_vm(struct copies *copies, struct sim_world *world, const struct sim_node *node,
                     const struct vm *vm) {
    if (!vm->copies_count)
        return;
    const struct wanted wanted = {world, node, &vm->copies[vm->copies_count - 1]};
    struct listed_copies *listed = ledger_put(&copies->listed, node, vm->id);
    check_all_kept(world, node, vm);
    if (wanted.copy->number <= listed->newest)
        return;
    listed->newest = wanted.copy->number;
    world->stats.copies += *wanted.copy->root != 0;
    if (*wanted.copy->root)
        check_own(world, node, vm, &wanted);
    else
        check_told(world, node, vm, &wanted);
}

void copies_check(struct copies *copies, struct sim_world *world, const struct sim_node *node,
                  const struct effects *effects) {
    for (size_t i = 0; i < effects->count; i++)
        if (effects->items[i].kind == EFFECT_SAVE &&
            effects->items[i].record.table == &stored_vm_table)
            check_vm(copies, world, node, effects->items[i].record.data);
}

static bool are_equal(const struct vm *left, const struct vm *right) {
    if (left->copies_count != right->copies_count)
        return false;
    for (uint32_t i = 0; i < left->copies_count; i++)
        if (left->copies[i].number != right->copies[i].number)
            return false;
    return true;
}

void copies_check_end(struct sim_world *world, const struct sim_node *node) {
    const struct book *book = node->role ? role_book(node->role) : NULL;
    if (!book || node->settings.kind == ROLE_AGENT)
        return;
    list_for(const struct book_vm, vm, &book->vms, by_age) {
        const struct sim_node *place = node_named(world, vm->record.place);
        const struct book_vm *there =
            place && place->role && place->settings.kind == ROLE_DOWNSTREAM
                ? book_vm(role_book(place->role), vm->record.id)
                : NULL;
        bool is_of_ours = there && text_equal(there->record.asker, node->name);
        if (is_of_ours && vm->record.copy_every_s != there->record.copy_every_s)
            law_fail(world, "wanted is actual", "%s has %s copied each %u s; %s does it each %u s",
                     node->name, vm->record.id, vm->record.copy_every_s, place->name,
                     there->record.copy_every_s);
        if (is_of_ours && vm->record.copy_late != there->record.copy_late)
            law_fail(world, "late is told", "%s says that copies of %s are %s, not so %s",
                     node->name, vm->record.id, vm->record.copy_late ? "late" : "in time",
                     place->name);
        if (is_of_ours && copies_are_lacking(vm) != copies_are_lacking(there))
            law_fail(world, "wanted is actual", "%s says that of %s a copy %s; not so %s",
                     node->name, vm->record.id, vm->record.lacks_copy ? "lacks" : "is there",
                     place->name);
        if (is_of_ours && !are_equal(&vm->record, &there->record))
            law_fail(world, "wanted is actual", "%s knows of %u copies of %s; %s has %u",
                     node->name, vm->record.copies_count, vm->record.id, place->name,
                     there->record.copies_count);
    }
}
