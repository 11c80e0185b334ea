#include "core/downstream/moves.h"

#include "core/below/downlink.h"
#include "core/below/instruct.h"
#include "core/below/peer.h"
#include "core/below/placement.h"
#include "core/below/reports.h"
#include "core/below/turns.h"
#include "core/downstream/migrate.h"
#include "core/downstream/operations.h"
#include "core/downstream/patron.h"
#include "core/downstream/place.h"
#include "core/downstream/remake.h"

/* What is under way ends so; whatever is there is to be gone. */
static void delete_there(struct downstream *downstream, struct book_vm *vm, enum code code,
                         const struct event *event, struct effects *out) {
    downstream_end(downstream, vm->active, code, event, out);
    downstream_order(downstream, vm, VERB_DELETE, event, out);
}

static void await_image(struct downstream *downstream, struct book_vm *vm,
                        const struct event *event, struct effects *out) {
    struct patron *patron = downstream_patron(downstream, vm->record.owner);
    vm->active->resend_ms = book_never;
    if (patron)
        downstream_await_image(downstream, patron, vm, out);
    else /* configured no more: nobody has its image */
        downstream_await_room(downstream, vm, event, out);
}

/* Nothing is left of it where it was. */
static void arrive(struct downstream *downstream, struct book_vm *vm, enum code code,
                   const struct event *event, struct effects *out) {
    placement_take(vm);
    downstream_move(downstream, vm, VM_STOPPED, event, out);
    downstream_end(downstream, vm->active, code, event, out);
    downstream_order(downstream, vm, VERB_DEFINE, event, out);
    await_image(downstream, vm, event, out);
}

static void on_define_result(struct downstream *downstream, struct book_vm *vm,
                             const struct result *result, const struct event *event,
                             struct effects *out) {
    struct peer *peer = downlink_by_name(&downstream->downlink, vm->record.place);
    enum code code = downlink_code(VERB_DEFINE, result);
    if (!downlink_is_undone(result) && code == CODE_OK) {
        downstream_end_move(downstream, vm);
        downstream_move(downstream, vm, result->state, event, out);
        downstream_end(downstream, vm->active, code, event, out);
        effects_note(out, NOTE_INFO, "", "VM %s is on host %s now", vm->record.id,
                     vm->record.place);
    } else if (!downlink_is_undone(result)) { /* something of it is there */
        delete_there(downstream, vm, code, event, out);
    } else if (placement_leads_on(&downstream->downlink, vm, peer, code, event)) {
        downstream_place(downstream, vm, event, out);
        downlink_freed(peer);
    } else {
        placement_take(vm);
        downstream_await_room(downstream, vm, event, out);
        downlink_freed(peer);
    }
}

void downstream_on_move_result(struct downstream *downstream, struct peer *peer,
                               const struct result *result, const struct event *event,
                               struct effects *out) {
    struct book_vm *vm = book_vm(&downstream->book, result->vm);
    struct book_op *op = vm->active;
    downlink_reflect(&downstream->downlink, peer, op);
    if (vm->record.move >= MOVE_RECEIVING) {
        downstream_on_live_result(downstream, result, event, out);
    } else if (op->record.verb == VERB_DEFINE) {
        on_define_result(downstream, vm, result, event, out);
    } else if (op->record.verb == VERB_SHUTDOWN) {
        delete_there(downstream, vm, result->code, event, out);
    } else if (result->code == CODE_OK) {
        arrive(downstream, vm, CODE_OK, event, out);
    } else {
        delete_there(downstream, vm, result->code, event, out);
        vm->active->resend_ms = event->now_ms + downstream_pause_ms;
    }
    downstream_drain_soon(downstream, event);
}

void downstream_on_move_due(struct downstream *downstream, struct book_op *op,
                            const struct event *event, struct effects *out) {
    struct book_vm *vm = book_vm(&downstream->book, op->record.vm);
    bool in_time = op->deadline_ms > event->now_ms;
    if (vm->record.move >= MOVE_RECEIVING) {
        downstream_on_live_due(downstream, op, event, out);
        return;
    }
    if (in_time && *vm->record.place) {
        downlink_instruct(&downstream->downlink, &downstream->book, vm, event, out);
    } else if (in_time && !op->tried_count) {
        await_image(downstream, vm, event, out);
        book_schedule(&downstream->book, op);
    } else if (*vm->record.place) { /* no word of it */
        delete_there(downstream, vm, CODE_DEADLINE, event, out);
    } else { /* whoever refused may have room by now */
        arrive(downstream, vm, in_time ? CODE_NO_CAPACITY : CODE_DEADLINE, event, out);
    }
}
