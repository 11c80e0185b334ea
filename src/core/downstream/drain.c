/* Hosts that are to be empty: their VMs leave, a few at a time, each only when its image is here
 * and another host has room for it; of each that is still there it is known why. */
#include "core/downstream/drain.h"

#include "core/below/lend.h"
#include "core/books/lifecycle.h"
#include "core/downstream/lending.h"
#include "core/downstream/migrate.h"
#include "core/downstream/place.h"
#include "core/downstream/remake.h"

enum {
    sweep_ms = 1000,
    again_ms = 30000,
    doublings_most = 6, /* of that: half an hour and a bit */
    moves_most = 8, /* under way at the same time, without those whose host is silent */
    sent_most = 2,  /* by one host, while they run: each keeps one of its workers and its network */
};

/* Can it leave while it runs? Once that has failed, one that may be made anew is. */
static bool may_go_live(const struct peer *peer, const struct book_vm *vm) {
    bool has_failed = downstream_vm(vm)->failed_ms &&
                      downstream_vm(vm)->template->definition.on_drain == ON_DRAIN_RESTART;
    return peer->sends && vm->record.state == VM_RUNNING && !has_failed;
}

static uint32_t count_sent(const struct downstream *downstream, const struct peer *peer) {
    uint32_t count = 0;
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &downstream->moving) {
        const struct stored_vm *it =
            &container_of(node, struct downstream_vm, by_move)->base.stored;
        count += (it->move == MOVE_RECEIVING || it->move == MOVE_MIGRATING) &&
                 text_equal(it->vm.place, peer->setting.name);
    }
    return count;
}

/* When one that failed to leave while it ran is tried again: ever later, since another host may
 * refuse it for good, as one that cannot keep its rules. */
static uint64_t failed_until_ms(const struct downstream_vm *hosted) {
    uint32_t doublings = hosted->failures ? hosted->failures - 1 : 0;
    return hosted->failed_ms +
           ((uint64_t)again_ms << (doublings < doublings_most ? doublings : doublings_most));
}

/* May the VM leave? STAY_UNDECIDED: it may, to *out_live while it runs; NULL: made anew. */
static enum stay judge(const struct downstream *downstream, const struct peer *peer,
                       const struct book_vm *vm, struct peer **out_live) {
    struct downstream_vm *hosted = downstream_vm(vm);
    const struct lending *lending = downstream_lending(downstream, vm->record.asker);
    struct peer *to = NULL;
    *out_live = NULL;
    if (vm->stored.move == MOVE_LEAVING || vm->stored.move == MOVE_RECEIVING ||
        vm->stored.move == MOVE_MIGRATING)
        return STAY_LEAVING;
    if (vm->active || *book_destination(vm) || vm->record.state == VM_DELETING ||
        (lending && lending->phase >= LENDING_ENDING)) /* it goes anyway */
        return STAY_BUSY;
    if (!hosted->template || hosted->template->definition.on_drain == ON_DRAIN_STAY ||
        vm->record.snapshots_count) /* those would be lost */
        return STAY_POLICY;
    if (!peer_is_up(peer))
        return STAY_AWAY;
    if (!lifecycle_is_made(vm->record.state))
        return STAY_STATE;
    bool live = may_go_live(peer, vm),
         only = hosted->template->definition.on_drain == ON_DRAIN_MIGRATE;
    if (only && !live)
        return STAY_LIVE;
    if (only && hosted->failed_ms &&
        (peer->duty == DUTY_DRAIN ||
         downstream->manager.moment.now_ms + 1 < failed_until_ms(hosted)))
        return STAY_FAILED;
    if (live && downstream_choose_live(downstream, vm, out_live) == PLACEMENT_FOUND &&
        downstream_has_room(downstream, vm))
        return count_sent(downstream, peer) < sent_most ? STAY_UNDECIDED : STAY_TURN;
    *out_live = NULL;
    if (only)
        return STAY_ROOM;
    if (downstream_choose(downstream, vm, &hosted->template->definition, &to) != PLACEMENT_FOUND ||
        !downstream_has_room(downstream, vm))
        return STAY_ROOM;
    return STAY_UNDECIDED;
}

/* Of a drain each VM gets one answer, of a maintenance a new one each time. */
static bool is_settled(const struct peer *peer, enum stay stays) {
    return stays == STAY_FETCHING ||
           (peer->duty == DUTY_DRAIN &&
            (stays == STAY_POLICY || stays == STAY_ROOM || stays == STAY_IMAGE ||
             stays == STAY_LIVE || stays == STAY_FAILED));
}

static bool is_under_way(const struct downstream *downstream, const struct book_vm *vm) {
    const struct peer *peer = downlink_by_name(&downstream->manager.downlink, vm->record.place);
    return !peer || peer_is_up(peer);
}

static uint32_t count_under_way(const struct downstream *downstream) {
    uint32_t count = 0;
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &downstream->moving)
        count += is_under_way(downstream, &container_of(node, struct downstream_vm, by_move)->base);
    for (size_t i = 0; i < downstream->manager.downlink.count; i++) {
        const struct peer *peer = &downstream->manager.downlink.peers[i];
        if (!peer_is_emptied(peer))
            continue;
        list_each(node, next, &peer->vms)
            count +=
                downstream_vm(container_of(node, struct book_vm, by_place))->stays == STAY_FETCHING;
    }
    return count;
}

static enum stay begin(struct downstream *downstream, const struct book_vm *vm) {
    const struct lending *lending = downstream_lending(downstream, vm->record.asker);
    if (!lending)
        return STAY_IMAGE;
    struct effect_image *image = &effects_add(downstream->manager.moment.out, EFFECT_IMAGE)->image;
    image->link = lending->uplink.setting.link;
    text_set(image->digest, vm->record.digest);
    return STAY_FETCHING;
}

/* When a VM that is there for this reason is looked at again, unless something happens before. */
static uint64_t look_again_ms(const struct peer *peer, enum stay stays) {
    if (stays == STAY_BUSY || stays == STAY_TURN)
        return sweep_ms;
    if (is_settled(peer, stays) || stays == STAY_LEAVING)
        return book_never;
    return again_ms;
}

static void sweep(struct downstream *downstream, struct peer *peer) {
    uint32_t under_way = count_under_way(downstream);
    uint64_t wait_ms = peer->duty == DUTY_MAINTENANCE ? again_ms : book_never;
    struct peer *live = NULL;
    list_for(struct book_vm, vm, &peer->vms, by_place) {
        struct downstream_vm *hosted = downstream_vm(vm);
        if (!is_settled(peer, hosted->stays))
            hosted->stays = judge(downstream, peer, vm, &live);
        if (hosted->stays == STAY_UNDECIDED && under_way >= moves_most) {
            hosted->stays = STAY_TURN;
        } else if (hosted->stays == STAY_UNDECIDED) {
            hosted->stays = begin(downstream, vm);
            under_way++;
        }
        uint64_t again = look_again_ms(peer, hosted->stays);
        wait_ms = again < wait_ms ? again : wait_ms;
    }
    if (wait_ms != book_never &&
        downstream->manager.moment.now_ms + wait_ms < downstream->drain_due_ms)
        downstream->drain_due_ms = downstream->manager.moment.now_ms + wait_ms;
}

void downstream_go_on_draining(struct downstream *downstream) {
    if (downstream->manager.moment.now_ms < downstream->drain_due_ms)
        return;
    downstream->drain_due_ms = book_never;
    for (size_t i = 0; i < downstream->manager.downlink.count; i++)
        if (peer_is_emptied(&downstream->manager.downlink.peers[i]))
            sweep(downstream, &downstream->manager.downlink.peers[i]);
}

static void on_image(struct downstream *downstream, struct peer *peer, const struct event *event) {
    list_for(struct book_vm, vm, &peer->vms, by_place) {
        struct downstream_vm *hosted = downstream_vm(vm);
        if (hosted->stays != STAY_FETCHING ||
            !downstream_is_for(downstream, vm, vm->record.digest, &event->image))
            continue;
        bool here = event->image.code == CODE_OK;
        struct peer *live = NULL;
        hosted->stays = here ? judge(downstream, peer, vm, &live) : STAY_IMAGE;
        if (hosted->stays == STAY_UNDECIDED) {
            hosted->stays = STAY_LEAVING;
            if (live)
                downstream_migrate(downstream, vm, live);
            else
                downstream_leave(downstream, vm);
        }
        if (downstream->drain_due_ms > downstream->manager.moment.now_ms + sweep_ms)
            downstream->drain_due_ms = downstream->manager.moment.now_ms + sweep_ms;
    }
}

void downstream_drain_image(struct downstream *downstream, const struct event *event) {
    for (size_t i = 0; i < downstream->manager.downlink.count; i++)
        if (peer_is_emptied(&downstream->manager.downlink.peers[i]))
            on_image(downstream, &downstream->manager.downlink.peers[i], event);
}
