#include "base/text.h"
#include "core/lifecycle.h"
#include "core/upstream_parts.h"

/* The VM that a report from `peer` is about, if it is there and of this epoch. */
static struct book_vm *reported(struct upstream *upstream, const struct peer *peer,
                                const char *id, uint32_t epoch) {
    struct book_vm *vm = book_vm(&upstream->book, id);
    if (!vm || !text_equal(vm->record.place, peer->setting.name) ||
        vm->record.place_epoch != epoch)
        return NULL;
    return vm;
}

/* What a place says of a VM becomes the truth here, but for what is decided already: a VM that
 * is being made is pending until the result, one to be gone is deleting until it is gone. */
static void learn_state(struct upstream *upstream, struct book_vm *vm, enum vm_state state,
                        const struct event *event, struct effects *out) {
    bool gone = state == VM_DELETED || state == VM_FAILED;
    if (vm->active && vm->active->record.verb == VERB_DEFINE)
        return;
    if (vm->record.state == VM_DELETING && (gone || state == VM_LOST) && !vm->active) {
        upstream_remove_vm(upstream, vm, out);
        return;
    }
    if (vm->record.state == VM_DELETING || state == VM_DELETING || state == VM_PENDING)
        return;
    enum vm_state to = gone ? VM_LOST : state;
    if (to != vm->record.state && lifecycle_may_move(vm->record.state, to)) {
        lifecycle_move(&vm->record, to, event->wall_ms);
        book_save_vm(vm, out);
    }
}

static void on_vm(struct upstream *upstream, struct peer *peer, const struct vm_report *report,
                  const struct event *event, struct effects *out) {
    struct book_vm *vm = reported(upstream, peer, report->vm, report->epoch);
    if (vm) {
        vm->sync_round = peer->sync_round;
        learn_state(upstream, vm, report->state, event, out);
    }
}

/* After the whole table: what was not in it is not there. */
static void on_table_end(struct upstream *upstream, struct peer *peer, const struct event *event,
                         struct effects *out) {
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &peer->vms) {
        struct book_vm *vm = container_of(node, struct book_vm, by_place);
        if (vm->sync_round != peer->sync_round && !vm->active)
            learn_state(upstream, vm, VM_LOST, event, out);
    }
}

static void on_table(struct upstream *upstream, struct peer *peer, const struct vm_table *table,
                     const struct event *event, struct effects *out) {
    if (table->first)
        peer->sync_round++;
    for (uint32_t i = 0; i < table->vms_count; i++)
        on_vm(upstream, peer, &table->vms[i], event, out);
    if (table->last)
        on_table_end(upstream, peer, event, out);
}

static void on_progress(struct upstream *upstream, struct peer *peer,
                        const struct progress *progress, const struct event *event) {
    struct book_op *op = book_op(&upstream->book, progress->op);
    if (!op || book_op_has_ended(op))
        return;
    struct book_vm *vm = book_vm(&upstream->book, op->record.vm);
    if (!text_equal(vm->record.place, peer->setting.name))
        return;
    if (progress->step < STEP_TAKEN || progress->step >= STEP_ENDED)
        return; /* a level's own steps are its own to tell */
    downlink_reflect(&upstream->downlink, peer, op, &vm->record.size);
    book_step(op, progress->step, event->wall_ms); /* written with the next save */
}

/* A definition failed below. What it left there decides what becomes of the VM here. */
static void end_define(struct upstream *upstream, struct book_vm *vm,
                       const struct result *result, const struct event *event,
                       struct effects *out) {
    if (result->code == CODE_OK) {
        lifecycle_move(&vm->record, result->state, event->wall_ms);
        book_save_vm(vm, out);
    } else if (result->state == VM_FAILED || result->state == VM_DELETED ||
               result->state == VM_LOST) {
        upstream_remove_vm(upstream, vm, out); /* undone below: nothing is half-made */
    } else {
        upstream_undo(upstream, vm, UNDO_NOW, event, out);
    }
}

static bool state_is_settled(enum vm_state state) {
    return state == VM_STOPPED || state == VM_RUNNING || state == VM_PAUSED ||
           state == VM_CRASHED;
}

static void on_result(struct upstream *upstream, struct peer *peer, const struct result *result,
                      const struct event *event, struct effects *out) {
    downlink_settle(peer, result->op, out);
    struct book_vm *vm = book_vm(&upstream->book, result->vm);
    if (!vm || !text_equal(vm->record.place, peer->setting.name) ||
        vm->record.place_generation != result->generation)
        return;
    struct book_op *op = vm->active;
    if (!op || !text_equal(op->record.id, result->op)) {
        /* Late: the operation has its end already. What it came to is true all the same. */
        if (!op)
            learn_state(upstream, vm, result->state, event, out);
        return;
    }
    enum verb verb = op->record.verb;
    enum code code = result->code;
    if (verb == VERB_DEFINE && code == CODE_OK && !state_is_settled(result->state))
        code = CODE_HOST_FAILED; /* a place that contradicts itself is not believed */
    if (code != CODE_OK && result->step > STEP_INSTRUCTED && result->step < STEP_ENDED)
        book_step(op, result->step, event->wall_ms);
    upstream_end(upstream, op, code, event, out);
    if (verb == VERB_DEFINE) {
        struct result told = *result;
        told.code = code;
        end_define(upstream, vm, &told, event, out);
    } else if (verb == VERB_DELETE && code == CODE_OK) {
        upstream_remove_vm(upstream, vm, out);
    } else if (verb == VERB_DELETE) {
        upstream_undo(upstream, vm, UNDO_LATER, event, out); /* wanted gone: until it is */
    } else if (code == CODE_LOST) {
        learn_state(upstream, vm, VM_LOST, event, out);
    } else {
        learn_state(upstream, vm, result->state, event, out);
    }
}

static void on_opened(struct upstream *upstream, struct peer *peer, const struct event *event,
                      struct effects *out) {
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &peer->vms) {
        struct book_vm *vm = container_of(node, struct book_vm, by_place);
        if (vm->active)
            downlink_instruct(&upstream->downlink, &upstream->book, vm, event, out);
        else if (vm->record.state == VM_DELETING)
            upstream_undo(upstream, vm, UNDO_NOW, event, out);
    }
    upstream_save_node(peer, out);
}

static void on_message(struct upstream *upstream, struct peer *peer,
                       const struct message *message, const struct event *event,
                       struct effects *out) {
    if (message->kind == MESSAGE_VM)
        on_vm(upstream, peer, &message->vm, event, out);
    else if (message->kind == MESSAGE_TABLE)
        on_table(upstream, peer, &message->table, event, out);
    else if (message->kind == MESSAGE_PROGRESS)
        on_progress(upstream, peer, &message->progress, event);
    else if (message->kind == MESSAGE_RESULT)
        on_result(upstream, peer, &message->result, event, out);
    else if (message->kind == MESSAGE_CAPACITY)
        upstream_save_node(peer, out);
}

void upstream_on_frame(struct upstream *upstream, const struct event *event,
                       struct effects *out) {
    struct peer *peer =
        downlink_peer(&upstream->downlink, event->frame.link, event->frame.from);
    if (!peer)
        return;
    switch (downlink_on_frame(&upstream->downlink, peer, event, out)) {
    case DOWNLINK_NOTHING:
        return;
    case DOWNLINK_OPENED:
        on_opened(upstream, peer, event, out);
        return;
    case DOWNLINK_MESSAGES:
        for (uint32_t i = 0; i < event->frame.frame->messages_count; i++) {
            const struct message *message = &event->frame.frame->messages[i];
            downlink_on_message(&upstream->downlink, peer, message, out);
            on_message(upstream, peer, message, event, out);
        }
        return;
    }
}
