/* What becomes of a VM by a host's word: its state, its place, the end of its operation; and
 * what that leads to here: the next host, another try at a deletion, the end of its record. */
#include "core/downstream/hosts.h"

#include "base/attributes.h"
#include "base/list.h"
#include "base/text.h"
#include "core/above/instruct.h"
#include "core/above/speak.h"
#include "core/above/uplink.h"
#include "core/below/downlink.h"
#include "core/below/instruct.h"
#include "core/below/lend.h"
#include "core/below/peer.h"
#include "core/below/placement.h"
#include "core/below/reports.h"
#include "core/below/turns.h"
#include "core/books/book.h"
#include "core/books/reshape.h"
#include "core/downstream/migrate.h"
#include "core/downstream/moves.h"
#include "core/downstream/operations.h"
#include "core/downstream/patron.h"
#include "core/downstream/place.h"
#include "core/downstream/remake.h"
#include "core/downstream/share.h"
#include "core/effect.h"
#include "core/event.h"
#include "message/code.h"
#include "message/model.h"
#include "message/protocol.h"

/* Goes out of the books once it is gone and nobody above has still to settle that. */
static void bury(struct downstream *downstream, struct book_vm *vm) {
    if (vm->record.state == VM_DELETED && !vm->active &&
        !book_op(&downstream->manager.book, vm->record.op))
        book_remove_vm(&downstream->manager.book, vm);
}

/* What a host says of a VM. Deleting stays deleting until it is gone, pending until a result. */
static void learn_state(struct downstream *downstream, struct book_vm *vm, enum vm_state state) {
    bool gone = state == VM_DELETED || state == VM_FAILED;
    bool deleting = vm->record.state == VM_DELETING;
    if (vm->record.move && vm->record.move != MOVE_RECEIVING) /* it is what it was until then */
        return;
    if (vm->active && vm->active->record.verb == VERB_DEFINE)
        return;
    if (deleting && (gone || state == VM_LOST)) {
        if (!vm->active && *book_destination(vm)) {
            downstream_follow(downstream, vm);
            downstream_undo(downstream, vm, UNDO_NOW);
        } else if (!vm->active) {
            placement_take(vm);
            downstream_move(downstream, vm, VM_DELETED);
            bury(downstream, vm);
        }
        return;
    }
    if (deleting || state == VM_DELETING || state == VM_PENDING)
        return;
    downstream_move(downstream, vm, gone ? VM_LOST : state);
}

/* What the place says that the VM has. */
static void learn_facts(struct downstream *downstream, struct book_vm *vm,
                        const struct facts *facts) {
    struct patron *patron = downstream_patron(downstream, vm->record.owner);
    if (!reshape_learn(vm, facts, downstream_used(downstream, vm),
                       downstream->manager.moment.wall_ms))
        return;
    book_save_vm(&downstream->manager.book, vm);
    if (vm->active)
        book_save_op(&downstream->manager.book, vm->active);
    if (!patron)
        return;
    uplink_capacity_changed(&patron->uplink);
    const struct operation *op = vm->active ? &vm->active->record : NULL;
    if (!op || op->internal || !reshape_tells(op->verb)) /* otherwise its result tells them */
        uplink_send_facts(&patron->uplink, vm);
}

/* False: no VM that is known to be there. */
static bool on_vm(struct downstream *downstream, struct peer *peer,
                  const struct vm_report *report) {
    struct book_vm *vm = downlink_reported(peer, report);
    if (!vm)
        return false;
    if (!downlink_is_outdated(peer, vm, report->generation))
        learn_facts(downstream, vm, &report->facts);
    learn_state(downstream, vm, report->state);
    return true;
}

/* Is it the destination of that VM, or has it a rest of it? */
static bool is_expected(const struct downstream *downstream, const struct peer *peer,
                        const struct vm_report *report) {
    const struct book_vm *vm = book_vm(&downstream->manager.book, report->vm);
    return vm && text_equal(book_destination(vm), peer->setting.name);
}

static void on_table(struct downstream *downstream, struct peer *peer,
                     const struct vm_table *table) {
    struct list *node = NULL, *next = NULL;
    if (table->first)
        peer->sync_round++;
    for (uint32_t i = 0; i < table->vms_count; i++)
        if (!on_vm(downstream, peer, &table->vms[i]) &&
            !is_expected(downstream, peer, &table->vms[i]))
            effects_note(downstream->manager.moment.out, NOTE_WARNING, "",
                         "host %s has VM %s, which is not known to be there; nothing was done",
                         peer->setting.name, table->vms[i].vm);
    if (!table->last)
        return;
    list_each(node, next, &peer->vms) {
        struct book_vm *vm = container_of(node, struct book_vm, by_place);
        if (downlink_is_unreported(peer, vm))
            learn_state(downstream, vm, VM_LOST);
    }
}

static void on_progress(struct downstream *downstream, struct peer *peer,
                        const struct progress *progress) {
    struct book_op *op = downlink_progress(peer, progress);
    struct patron *patron = op ? downstream_patron(downstream, op->record.owner) : NULL;
    book_save_long(&downstream->manager.book, op);
    if (!patron || progress->step == STEP_TAKEN) /* that one is each level's own to tell */
        return;
    op->progress_ms = book_never;
    downstream_tell_capacity(downstream, patron);
    uplink_send_progress(&patron->uplink, op, progress->step);
    book_schedule(&downstream->manager.book, op);
}

static void on_define_result(struct downstream *downstream, struct book_vm *vm,
                             const struct result *result) {
    struct peer *peer = downlink_by_name(&downstream->manager.downlink, vm->record.place);
    enum code code = downlink_code(VERB_DEFINE, result);
    bool undone = downlink_is_undone(result);
    if (undone && placement_leads_on(vm, peer, code)) {
        book_save_vm(&downstream->manager.book,
                     vm); /* it has no place until it gets another, which may take a while */
        book_save_op(&downstream->manager.book, vm->active);
        downstream_place(downstream, vm);
        downlink_freed(peer);
        return;
    }
    if (undone)
        placement_take(vm);
    else if (result->state != VM_DELETING)
        downstream_move(downstream, vm, result->state);
    downstream_end(downstream, vm->active, code);
}

static void on_result(struct downstream *downstream, struct peer *peer,
                      const struct result *result) {
    struct book_vm *vm = book_vm(&downstream->manager.book, result->vm);
    if (vm && text_equal(vm->record.place, peer->setting.name) && /* whichever operation it ends */
        !downlink_is_outdated(peer, vm, result->generation))
        learn_facts(downstream, vm, &result->facts);
    switch (downlink_result(peer, result)) {
    case OUTCOME_FOREIGN:
        return;
    case OUTCOME_LATE:
        learn_state(downstream, vm, result->state);
        return;
    case OUTCOME_ENDS:
        break;
    }
    struct book_op *op = vm->active;
    bool internal = op->record.internal;
    if (op->record.verb == VERB_DISCARD) {
        downstream_on_discarded(downstream, result);
        return;
    }
    if (vm->record.move) {
        downstream_on_move_result(downstream, peer, result);
        return;
    }
    downlink_reflect(peer, op); /* while it has a place */
    reshape_conclude(vm, result, downstream_used(downstream, vm));
    if (op->record.verb == VERB_REBUILD && result->code == CODE_OK)
        downstream_renew_template(downstream, vm, &op->record.definition);
    if (op->record.verb == VERB_DEFINE) {
        on_define_result(downstream, vm, result);
        return;
    }
    if (op->record.verb == VERB_DELETE && result->code == CODE_OK && *book_destination(vm)) {
        downstream_follow(downstream, vm); /* and is to go there, too */
        op->attempts = 0;
        downstream_instruct(downstream, vm);
        downlink_freed(peer);
        return;
    }
    if (op->record.verb == VERB_DELETE && result->code == CODE_OK) {
        placement_take(vm);
        downstream_move(downstream, vm, VM_DELETED);
    } else {
        learn_state(downstream, vm, result->code == CODE_LOST ? VM_LOST : result->state);
    }
    downstream_end(downstream, op, result->code);
    if (internal && vm->record.state == VM_DELETING)
        downstream_undo(downstream, vm, UNDO_LATER);
    else if (internal)
        bury(downstream, vm);
}

static void write_off(struct downstream *downstream, struct peer *peer, struct book_vm *vm) {
    struct book_op *op = vm->active;
    enum verb verb = op ? op->record.verb : VERB_DELETE;
    bool makes = verb == VERB_DEFINE && !op->record.internal;
    if (vm->record.state == VM_DELETING && *book_destination(vm)) {
        downstream_follow(downstream, vm);
        if (op)
            downstream_instruct(downstream, vm);
        else
            downstream_undo(downstream, vm, UNDO_NOW);
        return;
    }
    if (op) {
        op->decider = BY_OPERATOR;
        if (verb_is_ahead(verb))
            (void)downstream_take_reserved(downstream, vm);
        else
            downlink_reflect(peer, op);
    }
    placement_take(vm);
    downstream_end_move(downstream, vm);
    if (!makes) /* a definition fails, and its VM with it */
        downstream_move(downstream, vm, vm->record.state == VM_DELETING ? VM_DELETED : VM_LOST);
    if (op)
        downstream_end(downstream, op, verb == VERB_DELETE ? CODE_OK : CODE_LOST);
    book_save_vm(&downstream->manager.book, vm);
    bury(downstream, vm);
}

void downstream_write_off(struct downstream *downstream, struct peer *peer) {
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &peer->vms)
        write_off(downstream, peer, container_of(node, struct book_vm, by_place));
    downstream_write_off_destination(downstream, peer);
}

static void on_opened(struct downstream *downstream, struct peer *peer) {
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &peer->vms) {
        struct book_vm *vm = container_of(node, struct book_vm, by_place);
        if (vm->active && !verb_is_ahead(vm->active->record.verb))
            downlink_instruct_again(&downstream->manager.downlink, vm);
        else if (!vm->active && vm->record.state == VM_DELETING)
            downstream_undo(downstream, vm, UNDO_NOW);
    }
    downstream_on_destination_opened(downstream, peer);
    if (peer_is_emptied(peer))
        downstream_drain_soon(downstream);
}

static void on_message(struct downstream *downstream, struct peer *peer,
                       const struct message *message) {
    if (message->kind == MESSAGE_VM)
        on_vm(downstream, peer, &message->vm);
    else if (message->kind == MESSAGE_TABLE)
        on_table(downstream, peer, &message->table);
    else if (message->kind == MESSAGE_PROGRESS)
        on_progress(downstream, peer, &message->progress);
    else if (message->kind == MESSAGE_RESULT)
        on_result(downstream, peer, &message->result);
}

void downstream_on_downlink_frame(struct downstream *downstream, struct peer *peer,
                                  const struct event *event) {
    switch (downlink_on_frame(peer, event)) {
    case DOWNLINK_NOTHING:
        return;
    case DOWNLINK_OPENED:
        on_opened(downstream, peer);
        return;
    case DOWNLINK_MESSAGES:
        for (uint32_t i = peer->session.fresh; i < event->frame.frame->messages_count; i++) {
            const struct message *message = &event->frame.frame->messages[i];
            downlink_on_message(peer, message);
            on_message(downstream, peer, message);
        }
        return;
    }
}
