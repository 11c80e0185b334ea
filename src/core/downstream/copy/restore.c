/* Which copy it is, and what is done where the block store has lost it, or does not answer well. */
#include "core/downstream/copy/restore.h"

#include "core/above/instruct.h"
#include "core/books/copies.h"
#include "core/downstream/copy/bucket.h"
#include "core/downstream/place.h"

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
    if (!copy) {
        wait_because(downstream, vm, CODE_NO_COPY);
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
    } else if (!event->lacks) {
        text_set(op->copy.token, event->copy.token);
        text_set(op->copy.key, event->copy.key);
        book_save_op(&downstream->manager.book, vm->active);
        downstream_await_source(downstream, vm);
    } else {
        downstream_await_source(downstream, vm);
    }
}
