/* Which copy it is, and what is done where the block store has lost it, or does not answer well. */
#include "core/downstream/copy/restore.h"

#include <inttypes.h>

#include "core/above/instruct.h"
#include "core/books/copies.h"
#include "core/downstream/copy/bucket.h"
#include "core/downstream/place.h"
#include "core/manager/recover.h"

bool downstream_lacks_copy(const struct book_vm *vm) {
    return vm->record.restart_from == RESTART_FROM_COPY && !copies_newest(&vm->record);
}

void downstream_choose_source(struct book_vm *vm) {
    const struct copy *copy = copies_newest(&vm->record);
    vm->stored.restores |= vm->record.restart_from == RESTART_FROM_COPY && copy;
    if (!vm->stored.restores)
        vm->record.restored_ms = 0;
    else if (copy) /* otherwise it goes on waiting for the one that was to be */
        vm->record.restored_ms = copy->made_ms;
}

static bool is_proven(const struct book_vm *vm) {
    const struct copy *copy = copies_newest(&vm->record);
    return copy && text_equal(downstream_vm(vm)->proven, copy->root);
}

static void prove(struct downstream *downstream, struct book_vm *vm) {
    const struct effect_bucket order = bucket_order(BUCKET_PROVE, vm);
    if (!downstream_vm(vm)->proving)
        bucket_ask(&downstream->manager.book, &order);
    downstream_vm(vm)->proving = true;
}

bool downstream_awaits_proof(struct downstream *downstream, struct book_vm *vm) {
    bool awaits = vm->record.restart_from == RESTART_FROM_COPY && !is_proven(vm);
    if (awaits)
        prove(downstream, vm);
    return awaits;
}

void downstream_doubt_copy(struct downstream *downstream, struct book_vm *vm) {
    if (!vm->stored.restores)
        return;
    downstream_vm(vm)->proven[0] = 0;
    vm->active->record.copy.token[0] = 0;
    book_save_op(&downstream->manager.book, vm->active);
}

/* Why it stands nowhere. It looks again after a while, where that can help. */
static void wait_because(struct downstream *downstream, struct book_vm *vm, enum code code) {
    struct book_op *op = vm->active;
    const struct moment *moment = &downstream->manager.moment;
    (void)book_tell(op, &(struct timeline_entry){
                            .at_ms = moment->wall_ms, .step = STEP_WAITING, .code = code});
    op->resend_ms = code == CODE_NO_COPY ? book_never : moment->now_ms + manager_pause_ms;
    book_schedule(&downstream->manager.book, op);
    book_save_op(&downstream->manager.book, op);
}

static void await_copy(struct downstream *downstream, struct book_vm *vm) {
    const struct copy *copy = copies_newest(&vm->record);
    struct lending *lending = downstream_lending(downstream, vm->record.asker);
    if (!copy) {
        wait_because(downstream, vm, CODE_NO_COPY);
        if (lending)
            uplink_send_facts(&lending->uplink, vm);
        return;
    }
    if (!is_proven(vm)) {
        prove(downstream, vm);
        return;
    }
    text_set(vm->active->record.copy.root, copy->root);
    book_save_op(&downstream->manager.book, vm->active);
    bucket_open(&downstream->manager.book, vm);
}

void downstream_await_source(struct downstream *downstream, struct book_vm *vm) {
    struct lending *lending = downstream_lending(downstream, vm->record.asker);
    vm->active->resend_ms = book_never;
    if (vm->stored.restores && !*vm->active->record.copy.token)
        await_copy(downstream, vm);
    else if (lending)
        downstream_await_image(downstream, lending, vm);
    else /* configured no more: nobody has its image */
        downstream_await_room(downstream, vm);
}

void downstream_on_source(struct downstream *downstream, struct book_vm *vm,
                          const struct event_bucket *event) {
    struct operation *op = &vm->active->record;
    if (*op->copy.token || event->order != BUCKET_OPEN || !vm->stored.restores)
        return; /* asked twice, before and after a start */
    if (event->code != CODE_OK) {
        book_say_why(vm->active, event->why);
        wait_because(downstream, vm, event->code);
        return;
    }
    if (is_proven(vm) && text_equal(op->copy.root, downstream_vm(vm)->proven)) {
        text_set(op->copy.token, event->copy.token);
        text_set(op->copy.key, event->copy.key);
        book_save_op(&downstream->manager.book, vm->active);
    }
    downstream_await_source(downstream, vm);
}

/* Which one it is made from instead. */
static void tell_instead(struct downstream *downstream, struct book_vm *vm) {
    const struct copy *copy = copies_newest(&vm->record);
    downstream_choose_source(vm);
    (void)book_tell(vm->active,
                    &(struct timeline_entry){.at_ms = downstream->manager.moment.wall_ms,
                                             .step = STEP_WAITING,
                                             .code = CODE_NO_COPY,
                                             .copy_ms = copy ? copy->made_ms : 0});
    if (copy)
        audit_note_restart(&downstream->manager.audit, &downstream->manager.moment, &vm->record,
                           vm->active->record.id);
    book_save_op(&downstream->manager.book, vm->active);
}

void downstream_put_copies_aside(struct downstream *downstream, struct book_vm *vm,
                                 const struct event_bucket *event) {
    struct lending *lending = downstream_lending(downstream, vm->record.asker);
    uint32_t before = vm->record.copies_count;
    for (uint32_t i = 0; i < event->lacking_count; i++)
        copies_put_aside(&vm->record, event->lacking[i]);
    uint32_t aside = before - vm->record.copies_count;
    if (!aside)
        return;
    effects_note(downstream->manager.moment.out, NOTE_WARNING, event->op,
                 "of %" PRIu32 " copies of VM %s, %" PRIu32 " are not whole in the block store any "
                 "more: they are put aside",
                 before, vm->record.id, aside);
    if (vm->stored.restores && vm->active)
        tell_instead(downstream, vm);
    book_save_vm(&downstream->manager.book, vm);
    if (lending)
        uplink_send_facts(&lending->uplink, vm);
    const struct effect_bucket no_others = bucket_order(BUCKET_KEEP, vm);
    bucket_ask(&downstream->manager.book, &no_others);
}

static bool awaits_copy(const struct book_vm *vm) {
    return vm->stored.restores && vm->active && vm->active->record.verb == VERB_DEFINE &&
           !*vm->active->record.copy.token;
}

/* Where the block store itself fails, it is asked again after a while. */
void downstream_on_proof(struct downstream *downstream, struct book_vm *vm,
                         const struct event_bucket *event) {
    struct downlink *downlink = &downstream->manager.downlink;
    uint64_t again_ms = downstream->manager.moment.now_ms + manager_pause_ms;
    downstream_vm(vm)->proving = false;
    downstream_put_copies_aside(downstream, vm, event);
    text_set(downstream_vm(vm)->proven, event->copy.root);
    if (event->code != CODE_OK)
        effects_note(downstream->manager.moment.out, NOTE_WARNING, "",
                     "the block store cannot read the copies of VM %s, and is asked again: %s",
                     vm->record.id, event->why);
    if (awaits_copy(vm) && event->code != CODE_OK) {
        book_say_why(vm->active, event->why);
        wait_because(downstream, vm, event->code);
    } else if (awaits_copy(vm)) {
        downstream_await_source(downstream, vm);
    } else if (event->code == CODE_OK) {
        recover_soon(&downstream->manager);
    } else if (again_ms < downlink->recover_due_ms) {
        downlink->recover_due_ms = again_ms;
    }
}
