/* Who waited for an image goes on: VMs without a host first, then those on hosts that are to be
 * empty, then rebuilds. What a VM is made from, or may be made anew from, stays. */
#include "core/downstream/images.h"

#include "core/above/holds.h"
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

/* Whoever is above by this link has it here, or not any more. */
static void note_image(struct downstream *downstream, uint32_t link, const char *digest,
                       bool is_here) {
    for (size_t i = 0; i < downstream->lendings_count; i++) {
        struct uplink *uplink = &downstream->lendings[i].uplink;
        if (uplink->setting.link == link)
            holds_note(uplink, digest, is_here);
    }
}

/* All operations that waited for this image go on or end. */
void downstream_on_image(struct downstream *downstream, const struct event *event) {
    if (event->image.code == CODE_OK)
        note_image(downstream, event->image.link, event->image.digest, true);
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

/* By a VM of whoever is above by this link. */
static bool is_needed(const struct downstream *downstream, uint32_t link, const char *digest) {
    list_for(const struct book_vm, vm, &downstream->manager.book.vms, by_age) {
        const struct template *template = downstream_vm(vm)->template;
        const struct lending *lending = downstream_lending(downstream, vm->record.asker);
        if (lending && lending->uplink.setting.link == link &&
            (book_vm_needs_image(vm, digest) ||
             (template && text_equal(template->definition.image, digest))))
            return true;
    }
    return false;
}

void downstream_on_archive(struct downstream *downstream, const struct event *event) {
    struct effect_archive effect = {.word = ARCHIVE_KEEP, .link = event->archive.link};
    bool is_known = false;
    text_set(effect.digest, event->archive.digest);
    for (size_t i = 0; i < downstream->lendings_count; i++)
        is_known |= downstream->lendings[i].uplink.setting.link == effect.link;
    if (is_known && !is_needed(downstream, effect.link, effect.digest))
        effect.word = ARCHIVE_REMOVE;
    if (effect.word == ARCHIVE_REMOVE)
        note_image(downstream, effect.link, effect.digest, false);
    effects_archive(downstream->manager.moment.out, &effect);
}
