/* What a result, a deadline or another try means to a VM that has left one host and is not yet
 * on another. Whatever may be left of it there is deleted before it is made again. */
#include "core/downstream/moves.h"

#include "core/below/instruct.h"
#include "core/below/reports.h"
#include "core/below/turns.h"
#include "core/downstream/lending.h"
#include "core/downstream/migrate.h"
#include "core/downstream/operations.h"
#include "core/downstream/place.h"
#include "core/downstream/remake.h"
#include "core/manager/operations.h"

/* What is under way ends so; whatever is there is to be gone. */
static void delete_there(struct downstream *downstream, struct book_vm *vm, enum code code) {
    downstream_end(downstream, vm->active, code);
    downstream_order(downstream, vm, VERB_DELETE);
}

static void await_image(struct downstream *downstream, struct book_vm *vm) {
    struct lending *lending = downstream_lending(downstream, vm->record.asker);
    vm->active->resend_ms = book_never;
    if (lending)
        downstream_await_image(downstream, lending, vm);
    else /* configured no more: nobody has its image */
        downstream_await_room(downstream, vm);
}

/* Nothing is left of it where it was. */
static void arrive(struct downstream *downstream, struct book_vm *vm, enum code code) {
    placement_take(vm);
    manager_set_state(&downstream->manager, vm, VM_STOPPED);
    downstream_end(downstream, vm->active, code);
    downstream_order(downstream, vm, VERB_DEFINE);
    await_image(downstream, vm);
}

static void on_define_result(struct downstream *downstream, struct book_vm *vm,
                             const struct result *result) {
    struct peer *peer = downlink_by_name(&downstream->manager.downlink, vm->record.place);
    enum code code = downlink_code(VERB_DEFINE, result);
    if (!downlink_is_undone(result) && code == CODE_OK) {
        downstream_end_move(downstream, vm);
        manager_set_state(&downstream->manager, vm, result->state);
        downstream_end(downstream, vm->active, code);
        effects_note(downstream->manager.moment.out, NOTE_INFO, "", "VM %s is on host %s now",
                     vm->record.id, vm->record.place);
    } else if (!downlink_is_undone(result)) { /* something of it is there */
        delete_there(downstream, vm, code);
    } else if (placement_leads_on(vm, peer, code)) {
        downstream_place(downstream, vm);
        downlink_freed(peer);
    } else {
        placement_take(vm);
        downstream_await_room(downstream, vm);
        downlink_freed(peer);
    }
}

void downstream_on_move_result(struct downstream *downstream, struct peer *peer,
                               const struct result *result) {
    struct book_vm *vm = book_vm(&downstream->manager.book, result->vm);
    struct book_op *op = vm->active;
    downlink_reflect(peer, op);
    if (vm->stored.move >= MOVE_RECEIVING) {
        downstream_on_live_result(downstream, result);
    } else if (op->record.verb == VERB_DEFINE) {
        on_define_result(downstream, vm, result);
    } else if (op->record.verb == VERB_SHUTDOWN) {
        delete_there(downstream, vm, result->code);
    } else if (result->code == CODE_OK) {
        arrive(downstream, vm, CODE_OK);
    } else {
        delete_there(downstream, vm, result->code);
        vm->active->resend_ms = downstream->manager.moment.now_ms + manager_pause_ms;
    }
    downstream_drain_soon(downstream);
}

void downstream_on_move_due(struct downstream *downstream, struct book_op *op) {
    struct book_vm *vm = book_vm(&downstream->manager.book, op->record.vm);
    bool in_time = op->deadline_ms > downstream->manager.moment.now_ms;
    if (vm->stored.move >= MOVE_RECEIVING) {
        downstream_on_live_due(downstream, op);
        return;
    }
    if (in_time && *vm->record.place) {
        downlink_instruct(&downstream->manager.downlink, vm);
    } else if (in_time && !op->tried_count) {
        await_image(downstream, vm);
        book_schedule(&downstream->manager.book, op);
    } else if (*vm->record.place) { /* no word of it */
        delete_there(downstream, vm, CODE_DEADLINE);
    } else { /* whoever refused may have room by now */
        arrive(downstream, vm, in_time ? CODE_NO_CAPACITY : CODE_DEADLINE);
    }
}
