/* What becomes of a VM by its cluster's word, and what that leads to here: the next cluster,
 * another try at a deletion, the end of its record. */
#include "core/upstream/clusters.h"

#include "base/attributes.h"
#include "base/list.h"
#include "base/text.h"
#include "core/below/downlink.h"
#include "core/below/instruct.h"
#include "core/below/peer.h"
#include "core/below/placement.h"
#include "core/below/reports.h"
#include "core/books/book.h"
#include "core/books/lifecycle.h"
#include "core/effect.h"
#include "core/event.h"
#include "core/upstream/operations.h"
#include "core/upstream/place.h"
#include "core/upstream/reshape_vm.h"
#include "core/upstream/upstream.h"
#include "message/code.h"
#include "message/model.h"
#include "message/protocol.h"

/* What a place says of a VM becomes the truth here, but for what is decided already: a VM that
 * is being made is pending until the result, one to be gone is deleting until it is gone. */
static void learn_state(struct upstream *upstream, struct book_vm *vm, enum vm_state state) {
    bool gone = state == VM_DELETED || state == VM_FAILED;
    if (vm->active && vm->active->record.verb == VERB_DEFINE)
        return;
    if (vm->record.state == VM_DELETING && (gone || state == VM_LOST) && !vm->active) {
        upstream_remove_vm(upstream, vm);
        return;
    }
    if (vm->record.state == VM_DELETING || state == VM_DELETING || state == VM_PENDING)
        return;
    enum vm_state to = gone ? VM_LOST : state;
    if (to != vm->record.state && lifecycle_may_move(vm->record.state, to)) {
        lifecycle_move(&vm->record, to, upstream->manager.moment.wall_ms);
        book_save_vm(&upstream->manager.book, vm);
    }
}

/* False: no VM that is known to be there. */
static bool on_vm(struct upstream *upstream, struct peer *peer, const struct vm_report *report) {
    struct book_vm *vm = downlink_reported(peer, report);
    if (!vm)
        return false;
    if (!downlink_is_outdated(peer, vm, report->generation))
        upstream_learn(upstream, vm, &report->facts);
    learn_state(upstream, vm, report->state);
    return true;
}

static void on_table(struct upstream *upstream, struct peer *peer, const struct vm_table *table) {
    struct list *node = NULL, *next = NULL;
    if (table->first)
        peer->sync_round++;
    for (uint32_t i = 0; i < table->vms_count; i++)
        if (!on_vm(upstream, peer, &table->vms[i]))
            effects_note(upstream->manager.moment.out, NOTE_WARNING, "",
                         "cluster %s has VM %s, which is not known to be there; nothing was done",
                         peer->setting.name, table->vms[i].vm);
    if (!table->last)
        return;
    list_each(node, next, &peer->vms) {
        struct book_vm *vm = container_of(node, struct book_vm, by_place);
        if (downlink_is_unreported(peer, vm))
            learn_state(upstream, vm, VM_LOST);
    }
}

/* A definition ended below. What it left there decides what becomes of the VM here. */
static void end_define(struct upstream *upstream, struct book_vm *vm, const struct result *result) {
    if (downlink_code(VERB_DEFINE, result) == CODE_OK) {
        lifecycle_move(&vm->record, result->state, upstream->manager.moment.wall_ms);
        book_save_vm(&upstream->manager.book, vm);
    } else if (downlink_is_undone(result)) {
        upstream_remove_vm(upstream, vm); /* nothing is half-made */
    } else {
        upstream_undo(upstream, vm, UNDO_NOW);
    }
}

static void on_result(struct upstream *upstream, struct peer *peer, const struct result *result) {
    struct book_vm *vm = book_vm(&upstream->manager.book, result->vm);
    if (vm && text_equal(vm->record.place, peer->setting.name) && /* whichever operation it ends */
        !downlink_is_outdated(peer, vm, result->generation))
        upstream_learn(upstream, vm, &result->facts);
    switch (downlink_result(peer, result)) {
    case OUTCOME_FOREIGN:
        return;
    case OUTCOME_LATE:
        learn_state(upstream, vm, result->state);
        return;
    case OUTCOME_ENDS:
        break;
    }
    enum verb verb = vm->active->record.verb;
    enum code code = downlink_code(verb, result);
    downlink_reflect(peer, vm->active);
    if (verb == VERB_DEFINE && downlink_is_undone(result) && placement_leads_on(vm, peer, code)) {
        upstream_try_next(upstream, vm);
        return;
    }
    upstream_reshape_concludes(upstream, vm, result);
    upstream_end(upstream, vm->active, code);
    if (verb == VERB_DEFINE)
        end_define(upstream, vm, result);
    else if (verb == VERB_DELETE && code == CODE_OK)
        upstream_remove_vm(upstream, vm);
    else if (verb == VERB_DELETE)
        upstream_undo(upstream, vm, UNDO_LATER); /* wanted gone: until it is */
    else
        learn_state(upstream, vm, code == CODE_LOST ? VM_LOST : result->state);
}

static void write_off(struct upstream *upstream, struct peer *peer, struct book_vm *vm) {
    struct book_op *op = vm->active;
    enum verb verb = op ? op->record.verb : VERB_DELETE;
    bool gone = verb == VERB_DEFINE || vm->record.state == VM_DELETING;
    if (op) {
        op->decider = BY_OPERATOR;
        downlink_reflect(peer, op);
    }
    placement_take(vm);
    if (!gone && vm->record.state != VM_LOST)
        lifecycle_move(&vm->record, VM_LOST, upstream->manager.moment.wall_ms);
    if (op)
        upstream_end(upstream, op, verb == VERB_DELETE ? CODE_OK : CODE_LOST);
    if (gone)
        upstream_remove_vm(upstream, vm);
    else
        book_save_vm(&upstream->manager.book, vm);
}

void upstream_write_off(struct upstream *upstream, struct peer *peer) {
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &peer->vms)
        write_off(upstream, peer, container_of(node, struct book_vm, by_place));
}

static void on_opened(struct upstream *upstream, struct peer *peer) {
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &peer->vms) {
        struct book_vm *vm = container_of(node, struct book_vm, by_place);
        if (vm->active)
            downlink_instruct_again(&upstream->manager.downlink, vm);
        else if (vm->record.state == VM_DELETING)
            upstream_undo(upstream, vm, UNDO_NOW);
    }
    upstream_save_node(peer);
}

static void on_progress(struct upstream *upstream, struct peer *peer,
                        const struct progress *progress) {
    book_save_long(&upstream->manager.book, downlink_progress(peer, progress));
}

static void on_message(struct upstream *upstream, struct peer *peer,
                       const struct message *message) {
    if (message->kind == MESSAGE_VM)
        (void)on_vm(upstream, peer, &message->vm);
    else if (message->kind == MESSAGE_TABLE)
        on_table(upstream, peer, &message->table);
    else if (message->kind == MESSAGE_PROGRESS)
        on_progress(upstream, peer, &message->progress);
    else if (message->kind == MESSAGE_RESULT)
        on_result(upstream, peer, &message->result);
    else if (message->kind == MESSAGE_CAPACITY)
        upstream_save_node(peer);
}

void upstream_on_frame(struct upstream *upstream, const struct event *event) {
    struct peer *peer =
        downlink_peer(&upstream->manager.downlink, event->frame.link, event->frame.from);
    if (!peer)
        return;
    switch (downlink_on_frame(peer, event)) {
    case DOWNLINK_NOTHING:
        return;
    case DOWNLINK_OPENED:
        on_opened(upstream, peer);
        return;
    case DOWNLINK_MESSAGES:
        for (uint32_t i = peer->session.fresh; i < event->frame.frame->messages_count; i++) {
            const struct message *message = &event->frame.frame->messages[i];
            downlink_on_message(peer, message);
            on_message(upstream, peer, message);
        }
        return;
    }
}
