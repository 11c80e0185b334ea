#include "base/text.h"
#include "core/below/reports.h"
#include "core/downstream/parts.h"
#include "core/books/lifecycle.h"
#include "core/below/placement.h"
#include "core/books/reshape.h"

void downstream_move(struct downstream *downstream, struct book_vm *vm, enum vm_state state,
                     const struct event *event, struct effects *out) {
    if (vm->record.state == state || !lifecycle_may_move(vm->record.state, state))
        return;
    struct patron *patron = downstream_patron(downstream, vm->record.owner);
    lifecycle_move(&vm->record, state, event->wall_ms);
    downstream_count(downstream, vm);
    book_save_vm(vm, out);
    if (patron) {
        uplink_capacity_changed(&patron->uplink, event);
        if (!vm->active || vm->active->record.internal)
            uplink_send_vm(&patron->uplink, &vm->record, out);
    }
}

/* Goes out of the books once it is gone and nobody above has still to settle that. */
static void bury(struct downstream *downstream, struct book_vm *vm, struct effects *out) {
    if (vm->record.state == VM_DELETED && !vm->active &&
        !book_op(&downstream->book, vm->record.op))
        book_remove_vm(&downstream->book, vm, out);
}

void downstream_end(struct downstream *downstream, struct book_op *op, enum code code,
                    const struct event *event, struct effects *out) {
    struct book_vm *vm = book_vm(&downstream->book, op->record.vm);
    struct patron *patron = downstream_patron(downstream, op->record.owner);
    struct peer *peer = downlink_by_name(&downstream->downlink, book_asked_place(vm));
    if (peer)
        downlink_reflect(&downstream->downlink, peer, op);
    bool makes = op->record.verb == VERB_DEFINE && !op->record.internal;
    if (makes && code != CODE_OK && !*vm->record.place) {
        placement_take(vm); /* waits for no image any more, which all upstreams may see */
        downstream->downlink.changed = true;
        downstream_move(downstream, vm, VM_FAILED, event, out);
    }
    book_end(&downstream->book, op, code, event, out);
    downstream_count_op(downstream, op);
    if (peer)
        downlink_freed(peer);
    op->attempts = 0;
    if (op->record.internal) {
        book_remove_op(&downstream->book, op, out);
    } else if (patron) {
        downstream_tell_capacity(downstream, patron, out);
        uplink_send_result(&patron->uplink, &downstream->book, op, event, out);
    }
}

static void tell_no_room(struct book_op *op, const struct event *event, struct effects *out) {
    if (book_tell(op, &(struct timeline_entry){.at_ms = event->wall_ms, .step = STEP_WAITING,
                                               .code = CODE_NO_CAPACITY}))
        book_save_op(op, out);
}

enum placement downstream_choose(const struct downstream *downstream, const struct book_vm *vm,
                                 const struct definition *definition, struct peer **out_peer) {
    struct placing placing = {.rule = definition->apart ? GROUP_APART_CLUSTERS : GROUP_ANYHOW,
                              .must = definition->host_must, .prefer = definition->host_prefer};
    struct placement_wish wish = {
        .size = &vm->record.size, .placing = &placing, .op = vm->active,
        .networks = definition->networks,
        .group = book_group(&downstream->book, vm->record.owner, vm->record.group)};
    *out_peer = NULL;
    if (downstream_is_kept(downstream, vm, &vm->record.size))
        return PLACEMENT_NO_ROOM;
    return placement_choose(&downstream->downlink, &wish, out_peer);
}

void downstream_place(struct downstream *downstream, struct book_vm *vm,
                      const struct event *event, struct effects *out) {
    struct book_op *op = vm->active;
    struct peer *peer = NULL;
    op->resend_ms = book_never;
    enum placement found = downstream_choose(downstream, vm, &op->record.definition, &peer);
    if (!vm->record.move && !downstream_has_room(downstream, vm))
        found = PLACEMENT_NO_ROOM; /* what there is belongs to those that have left theirs */
    switch (found) {
    case PLACEMENT_FOUND:
        placement_put(peer, vm, op, event);
        downlink_instruct(&downstream->downlink, &downstream->book, vm, event, out);
        book_save_vm(vm, out);
        book_save_op(op, out);
        return;
    case PLACEMENT_NO_ROOM:
    case PLACEMENT_NO_LABELS:
    case PLACEMENT_NO_NETWORKS:
    case PLACEMENT_NO_GROUP:
    case PLACEMENT_NOT_ALLOWED: /* not asked for */
    case PLACEMENT_UNREACHABLE: /* the same to those above: which of them is an inside matter */
        if (vm->record.move) {
            downstream_await_room(downstream, vm, event, out);
            return;
        }
        if (downlink_awaits(&downstream->downlink, event)) {
            tell_no_room(op, event, out);
            op->resend_ms = event->now_ms + book_backoff_ms(op->attempts++, &downstream->prng);
            book_schedule(&downstream->book, op);
            return;
        }
        downstream_end(downstream, op, CODE_NO_CAPACITY, event, out);
        return;
    }
}

/* The image that a VM is to be made anew from is here, or not to be had. */
static void go_on_rebuilding(struct downstream *downstream, struct book_op *op, enum code code,
                             const struct event *event, struct effects *out) {
    struct book_vm *vm = book_vm(&downstream->book, op->record.vm);
    list_remove(&op->by_room);
    if (code == CODE_OK)
        downstream_instruct(downstream, vm, event, out);
    else
        downstream_end(downstream, op, code, event, out);
}

/* All operations that waited for this image go on or end. */
void downstream_on_image(struct downstream *downstream, const struct event *event,
                         struct effects *out) {
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &downstream->waiting) {
        struct book_vm *vm = container_of(node, struct book_vm, by_place);
        if (!text_equal(vm->record.digest, event->image.digest))
            continue;
        if (event->image.code == CODE_OK)
            downstream_place(downstream, vm, event, out);
        else if (vm->record.move)
            downstream_await_room(downstream, vm, event, out);
        else
            downstream_end(downstream, vm->active, event->image.code, event, out);
    }
    downstream_drain_image(downstream, event, out);
    list_each(node, next, &downstream->rebuilds) {
        struct book_op *op = container_of(node, struct book_op, by_room);
        if (text_equal(op->record.definition.image, event->image.digest))
            go_on_rebuilding(downstream, op, event->image.code, event, out);
    }
}

void downstream_instruct(struct downstream *downstream, struct book_vm *vm,
                         const struct event *event, struct effects *out) {
    vm->active->record.place_generation = ++vm->record.place_generation;
    downlink_instruct(&downstream->downlink, &downstream->book, vm, event, out);
    book_save_vm(vm, out);
    book_save_op(vm->active, out);
}

struct book_op *downstream_begin_internal(struct downstream *downstream, struct book_vm *vm,
                                          enum verb verb, const struct event *event,
                                          struct effects *out) {
    enum { allowed_ms = 600000, guest_ms = 60000 };
    struct id id = id_make(&downstream->ids, "op", event->wall_ms);
    struct operation operation = {
        .verb = verb,
        .internal = true,
        .generation = vm->record.generation,
        .deadline_ms = event->wall_ms + (verb == VERB_SHUTDOWN ? guest_ms : allowed_ms)};
    (void)text_copy(operation.id, sizeof(operation.id), id.text);
    char newest[sizeof(vm->record.op)];
    (void)text_copy(newest, sizeof(newest), vm->record.op);
    enum code code = vm->record.last_code;
    enum step step = vm->record.last_step;
    struct book_op *op = book_begin(&downstream->book, vm, &operation, event, out);
    /* What is known above stays as it is: this operation is nobody's but ours. */
    (void)text_copy(vm->record.op, sizeof(vm->record.op), newest);
    vm->record.last_code = code;
    vm->record.last_step = step;
    op->record.place_generation = ++vm->record.place_generation;
    return op;
}

void downstream_undo(struct downstream *downstream, struct book_vm *vm, enum undo when,
                     const struct event *event, struct effects *out) {
    enum { pause_ms = 30000 };
    downstream_move(downstream, vm, VM_DELETING, event, out);
    struct book_op *op = downstream_begin_internal(downstream, vm, VERB_DELETE, event, out);
    if (when == UNDO_NOW) {
        downlink_instruct(&downstream->downlink, &downstream->book, vm, event, out);
    } else {
        op->resend_ms = event->now_ms + pause_ms;
        book_schedule(&downstream->book, op);
    }
    book_save_vm(vm, out);
    book_save_op(op, out);
}

/* What a host says of a VM. Deleting stays deleting until it is gone, pending until a result. */
static void learn_state(struct downstream *downstream, struct book_vm *vm, enum vm_state state,
                        const struct event *event, struct effects *out) {
    bool gone = state == VM_DELETED || state == VM_FAILED;
    bool deleting = vm->record.state == VM_DELETING;
    if (vm->record.move && vm->record.move != MOVE_RECEIVING) /* it is what it was until then */
        return;
    if (vm->active && vm->active->record.verb == VERB_DEFINE)
        return;
    if (deleting && (gone || state == VM_LOST)) {
        if (!vm->active && *book_destination(vm)) {
            downstream_follow(downstream, vm);
            downstream_undo(downstream, vm, UNDO_NOW, event, out);
        } else if (!vm->active) {
            placement_take(vm);
            downstream_move(downstream, vm, VM_DELETED, event, out);
            bury(downstream, vm, out);
        }
        return;
    }
    if (deleting || state == VM_DELETING || state == VM_PENDING)
        return;
    downstream_move(downstream, vm, gone ? VM_LOST : state, event, out);
}

/* What the place says that the VM has. */
static void learn_facts(struct downstream *downstream, struct book_vm *vm,
                        const struct facts *facts, const struct event *event,
                        struct effects *out) {
    struct patron *patron = downstream_patron(downstream, vm->record.owner);
    if (!reshape_learn(vm, facts, downstream_used(downstream, vm), event->wall_ms))
        return;
    book_save_vm(vm, out);
    if (vm->active)
        book_save_op(vm->active, out);
    if (!patron)
        return;
    uplink_capacity_changed(&patron->uplink, event);
    const struct operation *op = vm->active ? &vm->active->record : NULL;
    if (!op || op->internal || !reshape_tells(op->verb)) /* otherwise its result tells them */
        uplink_send_facts(&patron->uplink, vm, out);
}

/* False: no VM that is known to be there. */
static bool on_vm(struct downstream *downstream, struct peer *peer,
                  const struct vm_report *report, const struct event *event,
                  struct effects *out) {
    struct book_vm *vm =
        downlink_reported(&downstream->downlink, &downstream->book, peer, report, out);
    if (!vm)
        return false;
    if (!downlink_is_outdated(peer, vm, report->generation))
        learn_facts(downstream, vm, &report->facts, event, out);
    learn_state(downstream, vm, report->state, event, out);
    return true;
}

/* Is it the destination of that VM, or has it a rest of it? */
static bool is_expected(const struct downstream *downstream, const struct peer *peer,
                        const struct vm_report *report) {
    const struct book_vm *vm = book_vm(&downstream->book, report->vm);
    return vm && text_equal(book_destination(vm), peer->setting.name);
}

static void on_table(struct downstream *downstream, struct peer *peer,
                     const struct vm_table *table, const struct event *event,
                     struct effects *out) {
    struct list *node = NULL, *next = NULL;
    if (table->first)
        peer->sync_round++;
    for (uint32_t i = 0; i < table->vms_count; i++)
        if (!on_vm(downstream, peer, &table->vms[i], event, out) &&
            !is_expected(downstream, peer, &table->vms[i]))
            effects_note(out, NOTE_WARNING, "",
                         "host %s has VM %s, which is not known to be there; nothing was done",
                         peer->setting.name, table->vms[i].vm);
    if (!table->last)
        return;
    list_each(node, next, &peer->vms) {
        struct book_vm *vm = container_of(node, struct book_vm, by_place);
        if (downlink_is_unreported(peer, vm))
            learn_state(downstream, vm, VM_LOST, event, out);
    }
}

static void on_progress(struct downstream *downstream, struct peer *peer,
                        const struct progress *progress, const struct event *event,
                        struct effects *out) {
    struct book_op *op = downlink_progress(&downstream->downlink, &downstream->book, peer,
                                           progress, event);
    struct patron *patron = op ? downstream_patron(downstream, op->record.owner) : NULL;
    book_save_long(op, event, out);
    if (!patron || progress->step == STEP_TAKEN) /* that one is each level's own to tell */
        return;
    op->progress_ms = book_never;
    downstream_tell_capacity(downstream, patron, out);
    uplink_send_progress(&patron->uplink, op, progress->step, out);
    book_schedule(&downstream->book, op);
}

static void on_define_result(struct downstream *downstream, struct book_vm *vm,
                             const struct result *result, const struct event *event,
                             struct effects *out) {
    struct peer *peer = downlink_by_name(&downstream->downlink, vm->record.place);
    enum code code = downlink_code(VERB_DEFINE, result);
    bool undone = downlink_is_undone(result);
    if (undone && placement_leads_on(&downstream->downlink, vm, peer, code, event)) {
        book_save_vm(vm, out); /* it has no place until it gets another, which may take a while */
        book_save_op(vm->active, out);
        downstream_place(downstream, vm, event, out);
        downlink_freed(peer);
        return;
    }
    if (undone)
        placement_take(vm);
    else if (result->state != VM_DELETING)
        downstream_move(downstream, vm, result->state, event, out);
    downstream_end(downstream, vm->active, code, event, out);
}

static void on_result(struct downstream *downstream, struct peer *peer,
                      const struct result *result, const struct event *event,
                      struct effects *out) {
    struct book_vm *vm = book_vm(&downstream->book, result->vm);
    if (vm && text_equal(vm->record.place, peer->setting.name) && /* whichever operation it ends */
        !downlink_is_outdated(peer, vm, result->generation))
        learn_facts(downstream, vm, &result->facts, event, out);
    switch (downlink_result(&downstream->book, peer, result, event, out)) {
    case OUTCOME_FOREIGN:
        return;
    case OUTCOME_LATE:
        learn_state(downstream, vm, result->state, event, out);
        return;
    case OUTCOME_ENDS:
        break;
    }
    struct book_op *op = vm->active;
    bool internal = op->record.internal;
    if (op->record.verb == VERB_DISCARD) {
        downstream_on_discarded(downstream, result, event, out);
        return;
    }
    if (vm->record.move) {
        downstream_on_move_result(downstream, peer, result, event, out);
        return;
    }
    downlink_reflect(&downstream->downlink, peer, op); /* while it has a place */
    reshape_conclude(vm, result, downstream_used(downstream, vm));
    if (op->record.verb == VERB_REBUILD && result->code == CODE_OK)
        downstream_renew_template(vm, &op->record.definition, out);
    if (op->record.verb == VERB_DEFINE) {
        on_define_result(downstream, vm, result, event, out);
        return;
    }
    if (op->record.verb == VERB_DELETE && result->code == CODE_OK && *book_destination(vm)) {
        downstream_follow(downstream, vm); /* and is to go there, too */
        op->attempts = 0;
        downstream_instruct(downstream, vm, event, out);
        downlink_freed(peer);
        return;
    }
    if (op->record.verb == VERB_DELETE && result->code == CODE_OK) {
        placement_take(vm);
        downstream_move(downstream, vm, VM_DELETED, event, out);
    } else {
        learn_state(downstream, vm, result->code == CODE_LOST ? VM_LOST : result->state, event,
                    out);
    }
    downstream_end(downstream, op, result->code, event, out);
    if (internal && vm->record.state == VM_DELETING)
        downstream_undo(downstream, vm, UNDO_LATER, event, out);
    else if (internal)
        bury(downstream, vm, out);
}

static void write_off(struct downstream *downstream, struct peer *peer, struct book_vm *vm,
                      const struct event *event, struct effects *out) {
    struct book_op *op = vm->active;
    enum verb verb = op ? op->record.verb : VERB_DELETE;
    bool makes = verb == VERB_DEFINE && !op->record.internal;
    if (vm->record.state == VM_DELETING && *book_destination(vm)) {
        downstream_follow(downstream, vm);
        if (op)
            downstream_instruct(downstream, vm, event, out);
        else
            downstream_undo(downstream, vm, UNDO_NOW, event, out);
        return;
    }
    if (op) {
        op->decider = BY_OPERATOR;
        if (verb_is_ahead(verb))
            (void)downstream_take_reserved(downstream, vm);
        else
            downlink_reflect(&downstream->downlink, peer, op);
    }
    placement_take(vm);
    downstream_end_move(downstream, vm);
    if (!makes) /* a definition fails, and its VM with it */
        downstream_move(downstream, vm,
                        vm->record.state == VM_DELETING ? VM_DELETED : VM_LOST, event, out);
    if (op)
        downstream_end(downstream, op, verb == VERB_DELETE ? CODE_OK : CODE_LOST, event, out);
    book_save_vm(vm, out);
    bury(downstream, vm, out);
}

void downstream_write_off(struct downstream *downstream, struct peer *peer,
                          const struct event *event, struct effects *out) {
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &peer->vms)
        write_off(downstream, peer, container_of(node, struct book_vm, by_place), event, out);
    downstream_write_off_destination(downstream, peer, event, out);
}

static void on_opened(struct downstream *downstream, struct peer *peer,
                      const struct event *event, struct effects *out) {
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &peer->vms) {
        struct book_vm *vm = container_of(node, struct book_vm, by_place);
        if (vm->active && !verb_is_ahead(vm->active->record.verb))
            downlink_instruct_again(&downstream->downlink, &downstream->book, vm, event, out);
        else if (!vm->active && vm->record.state == VM_DELETING)
            downstream_undo(downstream, vm, UNDO_NOW, event, out);
    }
    downstream_on_destination_opened(downstream, peer, event, out);
    if (peer_is_emptied(peer))
        downstream_drain_soon(downstream, event);
}

static void on_message(struct downstream *downstream, struct peer *peer,
                       const struct message *message, const struct event *event,
                       struct effects *out) {
    if (message->kind == MESSAGE_VM)
        on_vm(downstream, peer, &message->vm, event, out);
    else if (message->kind == MESSAGE_TABLE)
        on_table(downstream, peer, &message->table, event, out);
    else if (message->kind == MESSAGE_PROGRESS)
        on_progress(downstream, peer, &message->progress, event, out);
    else if (message->kind == MESSAGE_RESULT)
        on_result(downstream, peer, &message->result, event, out);
}

void downstream_on_downlink_frame(struct downstream *downstream, struct peer *peer,
                                  const struct event *event, struct effects *out) {
    switch (downlink_on_frame(&downstream->downlink, peer, event, out)) {
    case DOWNLINK_NOTHING:
        return;
    case DOWNLINK_OPENED:
        on_opened(downstream, peer, event, out);
        return;
    case DOWNLINK_MESSAGES:
        for (uint32_t i = peer->session.fresh; i < event->frame.frame->messages_count; i++) {
            const struct message *message = &event->frame.frame->messages[i];
            downlink_on_message(&downstream->downlink, peer, message, event, out);
            on_message(downstream, peer, message, event, out);
        }
        return;
    }
}
