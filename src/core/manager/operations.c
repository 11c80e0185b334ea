/* Which state a VM is given, how a manager's own deletion of a VM begins, and where a stored VM
 * or operation goes on. */
#include "core/manager/operations.h"

#include <assert.h>

#include "core/below/instruct.h"
#include "core/below/placement.h"
#include "core/books/lifecycle.h"

void manager_set_state(struct manager *manager, struct book_vm *vm, enum vm_state state) {
    if (vm->record.state == state || !lifecycle_may_follow(vm->record.state, state))
        return;
    lifecycle_set_state(&vm->record, state, manager->moment.wall_ms);
    if (!lifecycle_is_made(state))
        vm->record.unheard_ms = 0;
    book_save_vm(&manager->book, vm);
    if (manager->kind->on_state)
        manager->kind->on_state(manager, vm);
}

void manager_undo(struct manager *manager, struct book_vm *vm, enum undo when) {
    struct book_op *op = manager->kind->begin_deletion(manager, vm);
    if (when == UNDO_NOW) {
        downlink_instruct(&manager->downlink, vm);
    } else {
        op->resend_ms = manager->moment.now_ms + manager_pause_ms;
        book_schedule(&manager->book, op);
    }
    book_save_vm(&manager->book, vm);
    book_save_op(&manager->book, op);
}

struct book_vm *manager_load_vm(struct manager *manager, const struct stored_vm *record) {
    struct book_vm *vm = book_add_vm(&manager->book, record);
    struct peer *peer = downlink_by_name(&manager->downlink, vm->record.place);
    if (peer)
        list_add(&peer->vms, &vm->by_place);
    return vm;
}

void manager_load_op(struct manager *manager, const struct operation *record) {
    struct book_op *op = book_add_op(&manager->book, record);
    op->loaded = true;
    struct book_vm *vm = book_vm(&manager->book, record->vm);
    bool ended = book_op_has_ended(op);
    assert(vm || ended);
    if (!ended)
        vm->active = op;
    manager->kind->on_loaded(manager, op);
    if (ended)
        return;
    placement_remember(&manager->downlink, op);
    op->deadline_ms = book_deadline_ms(&manager->book, record);
    book_schedule(&manager->book, op);
}
