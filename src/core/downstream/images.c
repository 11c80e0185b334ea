/* Who waited for an image goes on: VMs without a host first, then those on hosts that are to be
 * empty, then rebuilds. */
#include "core/downstream/images.h"

#include "core/downstream/drain.h"
#include "core/downstream/lending.h"
#include "core/downstream/operations.h"
#include "core/downstream/place.h"

/* The image that a VM is to be made anew from is here, or not to be had. */
static void go_on_rebuilding(struct downstream *downstream, struct book_op *op, enum code code) {
    struct book_vm *vm = book_vm(&downstream->manager.book, op->record.vm);
    list_remove(&op->by_room);
    if (code == CODE_OK)
        downstream_instruct(downstream, vm);
    else
        downstream_end(downstream, op, code);
}

/* All operations that waited for this image go on or end. */
void downstream_on_image(struct downstream *downstream, const struct event *event) {
    list_for(struct book_vm, vm, &downstream->waiting, by_place) {
        if (!downstream_is_for(downstream, vm, vm->record.digest, &event->image))
            continue;
        book_say_why(vm->active, event->image.why);
        if (event->image.code == CODE_OK)
            downstream_place(downstream, vm);
        else if (vm->stored.move)
            downstream_await_room(downstream, vm);
        else
            downstream_end(downstream, vm->active, event->image.code);
    }
    downstream_drain_image(downstream, event);
    list_for(struct book_op, op, &downstream->rebuilds, by_room) {
        const struct book_vm *vm = book_vm(&downstream->manager.book, op->record.vm);
        if (!downstream_is_for(downstream, vm, op->record.definition.image, &event->image))
            continue;
        book_say_why(op, event->image.why);
        go_on_rebuilding(downstream, op, event->image.code);
    }
}
