/* No VM gets room that is kept for another upstream manager, or that a VM between two hosts will
 * take. Without room a new VM's operation ends, unless a host that is away may soon be back; a
 * VM that moves waits. */
#include "core/downstream/place.h"

#include "core/below/instruct.h"
#include "core/downstream/lending.h"
#include "core/downstream/operations.h"
#include "core/downstream/share.h"

static bool is_nowhere(const struct book_vm *vm) {
    return vm->stored.move == MOVE_LEAVING || !*vm->record.place;
}

bool downstream_has_room(const struct downstream *downstream, const struct book_vm *vm) {
    const struct downlink *downlink = &downstream->manager.downlink;
    const struct size *size = &vm->record.size;
    uint64_t taken = 0;
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &downstream->moving) {
        const struct book_vm *other = &container_of(node, struct downstream_vm, by_move)->base;
        if (other != vm && is_nowhere(other))
            taken += downlink_takes(&other->record.size, size);
    }
    int shape = downlink_shape(downlink, size);
    return !taken || (shape >= 0 && room_left(downlink->sum.fits[shape]) > taken);
}

void downstream_await_room(struct downstream *downstream, struct book_vm *vm) {
    struct book_op *op = vm->active;
    list_remove(&vm->by_place);
    list_remove(&op->by_room); /* it is under way nowhere */
    (void)book_tell(op, &(struct timeline_entry){.at_ms = downstream->manager.moment.wall_ms,
                                                 .step = STEP_WAITING,
                                                 .code = CODE_NO_CAPACITY});
    op->resend_ms = downstream->manager.moment.now_ms + manager_pause_ms;
    book_schedule(&downstream->manager.book, op);
    book_save_vm(&downstream->manager.book, vm);
    book_save_op(&downstream->manager.book, op);
}

static void tell_no_room(struct downstream *downstream, struct book_op *op) {
    if (book_tell(op, &(struct timeline_entry){.at_ms = downstream->manager.moment.wall_ms,
                                               .step = STEP_WAITING,
                                               .code = CODE_NO_CAPACITY}))
        book_save_op(&downstream->manager.book, op);
}

static struct placing placing_of(const struct definition *definition) {
    return (struct placing){.rule = definition->apart ? GROUP_APART_CLUSTERS : GROUP_ANYHOW,
                            .must = definition->host_must,
                            .prefer = definition->host_prefer};
}

static struct placement_wish wish_of(const struct downstream *downstream, const struct book_vm *vm,
                                     const struct definition *definition,
                                     const struct placing *placing) {
    return (struct placement_wish){
        .size = &vm->record.size,
        .placing = placing,
        .op = vm->active,
        .networks = definition->networks,
        .version = instruct_version(definition),
        .leased = definition->on_loss,
        .hosts = vm->stored.restores,
        .copied = vm->record.copy_every_s ? COPIED_HERE : COPIED_NOWHERE,
        .image = definition->image,
        .group = book_group(&downstream->manager.book, vm->record.asker, vm->record.group)};
}

static bool awaits(const struct downstream *downstream, const struct book_vm *vm) {
    const struct definition *definition = &vm->active->record.definition;
    struct placing placing = placing_of(definition);
    struct placement_wish wish = wish_of(downstream, vm, definition, &placing);
    return placement_awaits(&downstream->manager.downlink, &wish);
}

/* What the asker's own words brought about goes up with the end; all else is the owner's to see. */
static void explain(const struct downstream *downstream, const struct book_vm *vm,
                    enum placement found) {
    struct operation *op = &vm->active->record;
    struct placing placing = placing_of(&op->definition);
    struct placement_wish wish = wish_of(downstream, vm, &op->definition, &placing);
    const struct downlink *downlink = &downstream->manager.downlink;
    placement_explain(downlink, &wish, op);
    op->obstacle = vm->active->tried_count ? placement_common_obstacle(vm->active)
                                           : placement_obstacle(downlink, &wish, found);
    for (uint32_t i = 0; i < op->hindered_count && vm->active->tried_count; i++)
        if (op->hindered[i].why >= HINDRANCE_RETURNING && op->hindered[i].why != HINDRANCE_REFUSED)
            op->obstacle = OBSTACLE_NONE; /* another host might have had it */
}

enum placement downstream_choose(const struct downstream *downstream, const struct book_vm *vm,
                                 const struct definition *definition, struct peer **out_peer) {
    struct placing placing = placing_of(definition);
    struct placement_wish wish = wish_of(downstream, vm, definition, &placing);
    *out_peer = NULL;
    if (downstream_is_kept(downstream, vm, &vm->record.size))
        return PLACEMENT_NO_ROOM;
    return placement_choose(&downstream->manager.downlink, &wish, out_peer);
}

void downstream_place(struct downstream *downstream, struct book_vm *vm) {
    struct book_op *op = vm->active;
    struct peer *peer = NULL;
    op->resend_ms = book_never;
    enum placement found = downstream_choose(downstream, vm, &op->record.definition, &peer);
    if (!vm->stored.move && !downstream_has_room(downstream, vm))
        found = PLACEMENT_NO_ROOM; /* what there is belongs to those that have left theirs */
    switch (found) {
    case PLACEMENT_FOUND:
        placement_put(peer, vm, op);
        downstream_vm(vm)->stays = STAY_UNDECIDED;
        placement_unhinder(&op->record);
        downlink_instruct(&downstream->manager.downlink, vm);
        book_save_vm(&downstream->manager.book, vm);
        book_save_op(&downstream->manager.book, op);
        return;
    case PLACEMENT_NO_ROOM:
    case PLACEMENT_NO_LABELS:
    case PLACEMENT_NO_NETWORKS:
    case PLACEMENT_TOO_OLD:
    case PLACEMENT_NO_GROUP:
    case PLACEMENT_NOT_ALLOWED: /* not asked for */
    case PLACEMENT_RULED_OUT:   /* nor that */
    case PLACEMENT_UNREACHABLE: /* which of these it is, is an inside matter */
        if (vm->stored.move) {
            downstream_await_room(downstream, vm);
            return;
        }
        explain(downstream, vm, found);
        if (awaits(downstream, vm)) {
            tell_no_room(downstream, op);
            op->resend_ms = downstream->manager.moment.now_ms +
                            book_backoff_ms(op->attempts++, &downstream->manager.prng);
            book_schedule(&downstream->manager.book, op);
            return;
        }
        downstream_end(downstream, op, CODE_NO_CAPACITY);
        return;
    }
}
