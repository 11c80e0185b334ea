/* A VM goes from one host to another, but not while it runs (that is downstream_live.c). What makes
 * it there is what made it here (its template): a new disk from its image. What its old disk held
 * is lost, so only a VM that was asked for so is moved.
 *
 *   NONE --leave--> LEAVING --its host confirms that it is gone--> ARRIVING --made--> NONE
 *                      ^-- made by half, or no word from the new host --'
 * LEAVING: it is shut down if it runs, then deleted, and that again until its host confirms; where
 * the host is silent, it stays so. ARRIVING: its image, a host and the definition there are waited
 * for. At each moment there is one operation of ours on it, on disk together with the phase: after
 * a crash it goes on from there, and what was told once is told again under the same numbers. Law 5
 * holds since a host is told to make it only when no other has anything left of it. */
#include "base/memory.h"
#include "base/text.h"
#include "core/below/reports.h"
#include "core/downstream/parts.h"
#include "core/below/placement.h"

enum { pause_ms = 30000 };

static bool is_nowhere(const struct book_vm *vm) {
    return vm->record.move == MOVE_LEAVING || !*vm->record.place;
}

bool downstream_is_homeless(const struct book_vm *vm) {
    return vm->record.move == MOVE_LEAVING ||
           (!*vm->record.place && list_is_empty(&vm->by_place));
}

bool downstream_has_room(const struct downstream *downstream, const struct book_vm *vm) {
    const struct downlink *downlink = &downstream->downlink;
    const struct size *size = &vm->record.size;
    uint64_t taken = 0;
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &downstream->moving) {
        const struct book_vm *other = container_of(node, const struct book_vm, by_owner);
        if (other != vm && is_nowhere(other))
            taken += downlink_takes(&other->record.size, size);
    }
    int shape = downlink_shape(downlink, size);
    return !taken || (shape >= 0 && room_left(downlink->sum.fits[shape]) > taken);
}

void downstream_keep_template(struct book_vm *vm, const struct definition *definition,
                              struct effects *out) {
    struct template template = {.definition = *definition}; /* borrowed */
    if (definition->on_drain != ON_DRAIN_STAY) {
        (void)text_copy(template.vm, sizeof(template.vm), vm->record.id);
        book_set_template(vm, &template);
        effects_save(out, &template_table, vm->template);
    } else if (vm->template) { /* of a definition that failed */
        effects_forget(out, &template_table, vm->record.id);
        book_set_template(vm, NULL);
    }
}

void downstream_renew_template(struct book_vm *vm, const struct definition *rebuilt,
                               struct effects *out) {
    if (!vm->template || !rebuilt->user_data)
        return;
    memory_free(vm->template->definition.user_data);
    vm->template->definition.user_data = memory_text(rebuilt->user_data);
    effects_save(out, &template_table, vm->template);
}

void downstream_set_move(struct downstream *downstream, struct book_vm *vm,
                         enum move move) {
    vm->record.move = move;
    list_remove(&vm->by_owner);
    list_add(&downstream->moving, &vm->by_owner);
}

void downstream_load_move(struct downstream *downstream, struct book_vm *vm) {
    if (vm->record.move)
        list_add(&downstream->moving, &vm->by_owner);
    else if (*book_destination(vm))
        list_add(&downstream->rests, &vm->by_owner);
}

void downstream_end_move(struct downstream *downstream, struct book_vm *vm) {
    if (!vm->record.move)
        return;
    vm->record.move = MOVE_NONE;
    list_remove(&vm->by_owner);
    if (*book_destination(vm))
        list_add(&downstream->rests, &vm->by_owner);
}

void downstream_describe(const struct book_vm *vm, struct definition *out) {
    record_clone(&definition_table, &vm->template->definition, out);
    out->size = vm->record.size;
    (void)text_copy(out->name, sizeof(out->name), vm->record.name);
    (void)text_copy(out->shape, sizeof(out->shape), vm->record.shape);
    (void)text_copy(out->image, sizeof(out->image), vm->record.digest);
}

/* The next operation of ours on it; the one before has ended. */
static void order(struct downstream *downstream, struct book_vm *vm, enum verb verb,
                  const struct event *event, struct effects *out) {
    downstream_set_move(downstream, vm, verb == VERB_DEFINE ? MOVE_ARRIVING : MOVE_LEAVING);
    struct book_op *op = downstream_begin_internal(downstream, vm, verb, event, out);
    if (verb == VERB_DEFINE) {
        downstream_describe(vm, &op->record.definition);
    } else {
        downlink_instruct(&downstream->downlink, &downstream->book, vm, event, out);
    }
    book_save_vm(vm, out);
    book_save_op(op, out);
}

/* What is under way ends so; whatever is there is to be gone. */
static void delete_there(struct downstream *downstream, struct book_vm *vm, enum code code,
                         const struct event *event, struct effects *out) {
    downstream_end(downstream, vm->active, code, event, out);
    order(downstream, vm, VERB_DELETE, event, out);
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

void downstream_leave(struct downstream *downstream, struct book_vm *vm,
                      const struct event *event, struct effects *out) {
    bool runs = vm->record.state == VM_RUNNING || vm->record.state == VM_PAUSED;
    vm->template->definition.start = runs;
    effects_save(out, &template_table, vm->template);
    effects_note(out, NOTE_INFO, "", "VM %s leaves host %s, to be made anew from its image "
                 "elsewhere", vm->record.id, vm->record.place);
    order(downstream, vm, vm->record.state == VM_RUNNING ? VERB_SHUTDOWN : VERB_DELETE, event,
          out);
}

/* Nothing is left of it where it was. */
static void arrive(struct downstream *downstream, struct book_vm *vm, enum code code,
                   const struct event *event, struct effects *out) {
    placement_take(vm);
    downstream_move(downstream, vm, VM_STOPPED, event, out);
    downstream_end(downstream, vm->active, code, event, out);
    order(downstream, vm, VERB_DEFINE, event, out);
    await_image(downstream, vm, event, out);
}

void downstream_await_room(struct downstream *downstream, struct book_vm *vm,
                           const struct event *event, struct effects *out) {
    struct book_op *op = vm->active;
    list_remove(&vm->by_place);
    list_remove(&op->by_room); /* it is under way nowhere */
    (void)book_tell(op, &(struct timeline_entry){.at_ms = event->wall_ms, .step = STEP_WAITING,
                                                 .code = CODE_NO_CAPACITY});
    op->resend_ms = event->now_ms + pause_ms;
    book_schedule(&downstream->book, op);
    book_save_vm(vm, out);
    book_save_op(op, out);
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
        vm->active->resend_ms = event->now_ms + pause_ms;
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
