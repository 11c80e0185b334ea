/* When a sign is told above, and as of when: never later than the VM was heard of, and the same
 * time before the telling for all, so that a sign says nothing that its moment does not say. */
#include "core/downstream/unheard.h"

#include <string.h>

#include "core/above/instruct.h"
#include "core/books/lifecycle.h"
#include "core/downstream/lending.h"

/* Is nothing heard of it, as far as this level knows? Its host may be configured no more. */
static bool is_unheard(const struct downstream *downstream, const struct book_vm *vm) {
    const struct vm *record = &vm->record;
    const struct peer *peer = downlink_by_name(&downstream->manager.downlink, record->place);
    bool away = *record->place && (!peer || !peer_is_up(peer));
    return lifecycle_is_made(record->state) && (away || record->unheard_ms);
}

static uint64_t beat_ms(const struct downstream *downstream, const struct book_vm *vm) {
    const struct lending *lending = downstream_lending(downstream, vm->record.asker);
    return lending ? lending->uplink.beat_ms : downstream->manager.downlink.beat_ms;
}

/* Who is above knows all ids, and must not find out which VMs were lost together. */
static uint64_t jitter_ms(const struct downstream *downstream, const struct book_vm *vm,
                          uint64_t moment_ms) {
    uint64_t key[] = {downstream->spread, moment_ms};
    uint64_t seed = map_hash(0, (const char *)key, sizeof(key));
    return map_hash(seed, vm->record.id, strlen(vm->record.id)) % (beat_ms(downstream, vm) + 1);
}

void downstream_review_unheard(struct downstream *downstream, struct book_vm *vm) {
    const struct downlink *downlink = &downstream->manager.downlink;
    struct timer *sign = &downstream_vm(vm)->sign;
    const struct peer *peer = downlink_by_name(downlink, vm->record.place);
    bool unheard = is_unheard(downstream, vm);
    uint64_t moment_ms = peer ? peer->state_ms : downstream->manager.moment.now_ms;
    if (unheard == (vm->stored.told_unheard_ms != 0)) {
        heap_remove(&downstream->signs, sign);
        return;
    }
    if (!peer && sign->slot) /* it goes on waiting, however often it is looked at */
        return;
    uint64_t due_ms = moment_ms + jitter_ms(downstream, vm, moment_ms);
    if (unheard && vm->record.unheard_ms) /* who said so has spread it */
        due_ms = downstream->manager.moment.now_ms;
    else if (unheard)
        due_ms += downlink->hold_down_ms;
    heap_set(&downstream->signs, sign, due_ms);
}

static void tell(struct downstream *downstream, struct book_vm *vm) {
    struct lending *lending = downstream_lending(downstream, vm->record.asker);
    uint64_t wall_ms = downstream->manager.moment.wall_ms, *told = &vm->stored.told_unheard_ms;
    uint64_t ago_ms = downstream->manager.downlink.hold_down_ms + beat_ms(downstream, vm);
    bool unheard = is_unheard(downstream, vm);
    heap_remove(&downstream->signs, &downstream_vm(vm)->sign);
    if (unheard == (*told != 0))
        return;
    if (unheard)
        *told = wall_ms > ago_ms ? wall_ms - ago_ms : 1;
    else
        *told = 0;
    if (unheard && vm->record.unheard_ms)
        *told = vm->record.unheard_ms;
    book_save_vm(&downstream->manager.book, vm);
    if (lending && lifecycle_is_made(vm->record.state)) /* of others a sign says nothing */
        uplink_send_vm(&lending->uplink, vm);
}

static void review_all(struct downstream *downstream, const struct list *vms) {
    list_for(struct book_vm, vm, vms, by_place)
        downstream_review_unheard(downstream, vm);
}

void downstream_start_unheard(struct downstream *downstream) {
    list_for(struct book_vm, vm, &downstream->manager.book.vms, by_age)
        downstream_review_unheard(downstream, vm);
}

void downstream_tell_unheard(struct downstream *downstream) {
    struct timer *timer = NULL;
    list_for(struct peer, peer, &downstream->manager.downlink.turned, by_turned) {
        list_remove(&peer->by_turned);
        review_all(downstream, &peer->vms);
    }
    while ((timer = heap_first(&downstream->signs)) &&
           timer->due_ms <= downstream->manager.moment.now_ms)
        tell(downstream, &container_of(timer, struct downstream_vm, sign)->base);
}

uint64_t downstream_unheard_deadline_ms(const struct downstream *downstream) {
    const struct timer *first = heap_first(&downstream->signs);
    return first ? first->due_ms : book_never;
}
