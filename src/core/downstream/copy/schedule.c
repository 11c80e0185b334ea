/* When a VM's next copy is due, which of those that are due is begun, and since when the newest one
 * is too old. */
#include "core/downstream/copy/schedule.h"

#include "core/above/instruct.h"
#include "core/below/peer.h"
#include "core/books/copies.h"
#include "core/books/lifecycle.h"
#include "core/downstream/copy/copy.h"
#include "core/downstream/operations.h"
#include "core/downstream/share.h"
#include "message/labels.h"

enum {
    copies_most = 4,  /* under way in the cluster at once, without those whose host is silent */
    again_ms = 30000, /* until one is looked at again that cannot be copied now */
    early_part = 8,   /* a copy is made before its time by up to such a part of the interval */
};

static bool is_copied(const struct book_vm *vm) {
    return vm->active && vm->active->record.verb == VERB_COPY;
}

bool downstream_is_being_copied(const struct book_vm *vm) {
    return is_copied(vm) && vm->active->record.internal;
}

static struct peer *host_of(const struct downstream *downstream, const struct book_vm *vm) {
    return downlink_by_name(&downstream->manager.downlink, vm->record.place);
}

/* By this manager; a place that is one does it itself. */
static uint32_t every_s(const struct book_vm *vm) {
    return vm->stored.uncopied_ms ? vm->record.copy_every_s : 0;
}

static uint64_t every_ms(const struct book_vm *vm) { return every_s(vm) * 1000ULL; }

/* So that those which were made together do not stay so. */
static uint64_t early_ms(struct downstream *downstream, const struct book_vm *vm) {
    return prng_below(&downstream->manager.prng, every_ms(vm) / early_part + 1);
}

/* ---- is the newest one too old? ---- */

static bool is_judged(const struct book_vm *vm) {
    enum vm_state state = vm->record.state;
    return vm->record.copy_max_age_s && vm->stored.uncopied_ms &&
           (lifecycle_is_made(state) || state == VM_LOST);
}

/* How long it is until then; 0: it is by now. */
static uint64_t in_time_ms(const struct downstream *downstream, const struct book_vm *vm) {
    const struct copy *newest = copies_newest(&vm->record);
    uint64_t most_ms = vm->record.copy_max_age_s * 1000ULL;
    uint64_t age_ms = copies_ago_ms(newest ? newest->made_ms : vm->stored.uncopied_ms,
                                    downstream->manager.moment.wall_ms);
    return most_ms >= age_ms ? most_ms - age_ms + 1 : 0;
}

static void set_late(struct downstream *downstream, struct book_vm *vm, bool is_late) {
    struct lending *lending = downstream_lending(downstream, vm->record.asker);
    if (vm->record.copy_late == is_late)
        return;
    vm->record.copy_late = is_late;
    effects_note(downstream->manager.moment.out, is_late ? NOTE_WARNING : NOTE_INFO, "",
                 is_late ? "the newest copy of VM %s is older than its tenant wants"
                         : "the newest copy of VM %s is as new as its tenant wants again",
                 vm->record.id);
    book_save_vm(&downstream->manager.book, vm);
    if (lending)
        uplink_send_facts(&lending->uplink, vm);
}

/* Whether its place copies it, or this manager does, shows once that place has spoken. */
static void learn_who_copies(struct downstream *downstream, struct book_vm *vm) {
    const struct peer *place = host_of(downstream, vm);
    if (!place || !place->has_spoken || peer_is_manager(place) == !vm->stored.uncopied_ms)
        return;
    vm->stored.uncopied_ms = peer_is_manager(place) ? 0 : vm->record.created_ms;
    book_save_vm(&downstream->manager.book, vm);
}

/* ---- when the next one is due ---- */

static uint64_t next_ms(struct downstream *downstream, const struct book_vm *vm) {
    const struct copy *newest = copies_newest(&vm->record);
    const struct moment *moment = &downstream->manager.moment;
    uint64_t early = early_ms(downstream, vm);
    if (!newest)
        return moment->now_ms + early;
    uint64_t age_ms = copies_ago_ms(newest->made_ms, moment->wall_ms);
    uint64_t pause_ms = every_ms(vm) - early;
    return moment->now_ms + (pause_ms > age_ms ? pause_ms - age_ms : 0);
}

static void on_failed(struct downstream *downstream, struct book_vm *vm) {
    struct copying *copying = &downstream_vm(vm)->copying;
    uint64_t pause_ms = 10 * book_backoff_ms(copying->failures++, &downstream->manager.prng);
    if (pause_ms > every_ms(vm))
        pause_ms = every_ms(vm);
    copying->due_ms = downstream->manager.moment.now_ms + pause_ms;
    effects_note(downstream->manager.moment.out, NOTE_WARNING, "",
                 "the copy of VM %s that was due was not made; it is tried again in %llu s",
                 vm->record.id, (unsigned long long)(pause_ms / 1000));
}

/* One that was under way has ended, by whatever was asked for meanwhile or by itself. */
static void on_ended(struct downstream *downstream, struct book_vm *vm, uint64_t newest) {
    struct copying *copying = &downstream_vm(vm)->copying;
    if (copying->is_scheduled && newest <= copying->newest)
        on_failed(downstream, vm);
    copying->is_under_way = copying->is_scheduled = false;
    list_remove(&copying->by_turn);
    downstream->copies_turn_ms = downstream->manager.moment.now_ms;
}

static void begin_or_end(struct downstream *downstream, struct book_vm *vm) {
    struct copying *copying = &downstream_vm(vm)->copying;
    const struct copy *copy = copies_newest(&vm->record);
    uint64_t newest = copy ? copy->number : 0;
    if (is_copied(vm) && !copying->is_under_way) {
        list_remove(&copying->by_turn);
        list_add(&downstream->copies_under_way, &copying->by_turn);
        copying->is_under_way = true;
        copying->is_scheduled = vm->active->record.internal;
    } else if (!is_copied(vm) && copying->is_under_way) {
        on_ended(downstream, vm, newest);
    }
    if (newest == copying->newest && copying->due_ms && every_s(vm) == copying->every_s)
        return;
    copying->failures = 0;
    copying->newest = newest;
    copying->every_s = every_s(vm);
    copying->due_ms = copying->every_s ? next_ms(downstream, vm) : book_never;
}

static void await_turn(struct downstream *downstream, struct copying *copying) {
    if (list_is_empty(&copying->by_turn))
        list_add(&downstream->copies_due, &copying->by_turn);
    downstream->copies_turn_ms = downstream->manager.moment.now_ms;
}

static void review(struct downstream *downstream, struct book_vm *vm) {
    struct copying *copying = &downstream_vm(vm)->copying;
    uint64_t now_ms = downstream->manager.moment.now_ms, look_ms = book_never;
    heap_remove(&downstream->copies, &copying->timer);
    learn_who_copies(downstream, vm);
    begin_or_end(downstream, vm);
    if (vm->stored.uncopied_ms)
        set_late(downstream, vm, is_judged(vm) && !in_time_ms(downstream, vm));
    if (is_judged(vm) && !vm->record.copy_late)
        look_ms = now_ms + in_time_ms(downstream, vm);
    if (!copying->is_under_way && copying->due_ms <= now_ms)
        await_turn(downstream, copying);
    else if (!copying->is_under_way)
        list_remove(&copying->by_turn);
    if (copying->due_ms > now_ms && copying->due_ms < look_ms)
        look_ms = copying->due_ms;
    if (look_ms == book_never)
        heap_remove(&downstream->copies, &copying->timer);
    else
        heap_set(&downstream->copies, &copying->timer, look_ms);
}

void downstream_review_copies(struct downstream *downstream, struct book_vm *vm) {
    const struct copying *copying = &downstream_vm(vm)->copying;
    bool is_kept = vm->record.copy_every_s || vm->record.copy_max_age_s || copying->every_s ||
                   vm->record.copy_late || is_copied(vm) || copying->is_under_way;
    if (is_kept)
        heap_set(&downstream->copies, &downstream_vm(vm)->copying.timer,
                 downstream->manager.moment.now_ms);
}

/* ---- whose turn it is ---- */

static bool is_permitted(const struct downstream *downstream, const struct book_vm *vm) {
    const struct lending *lending = downstream_lending(downstream, vm->record.asker);
    return lending && lending->phase < LENDING_ENDING &&
           words_allow(lending->permissions.verbs, verb_names[VERB_COPY]);
}

static bool may_be_copied(const struct downstream *downstream, const struct book_vm *vm) {
    const struct peer *host = host_of(downstream, vm);
    return host && peer_is_up(host) && !peer_is_manager(host) &&
           !peer_is_old(host, protocol_version_copy) &&
           lifecycle_permits(VERB_COPY, vm->record.state) && !downstream->manager.disk_full &&
           is_permitted(downstream, vm);
}

/* What is under way: in all, at that host, and of that upstream manager. */
struct under_way {
    uint32_t all, at_host, of_asker;
};

static struct under_way count(const struct downstream *downstream, const struct book_vm *beside) {
    struct under_way counts = {0};
    list_for(const struct downstream_vm, it, &downstream->copies_under_way, copying.by_turn) {
        const struct vm *vm = &it->base.record;
        const struct peer *host = host_of(downstream, &it->base);
        counts.all += host && peer_is_up(host);
        counts.at_host += text_equal(vm->place, beside->record.place);
        counts.of_asker += text_equal(vm->asker, beside->record.asker);
    }
    return counts;
}

/* Has the first one's upstream manager less under way for its weight? */
static bool is_behind(const struct downstream *downstream, const struct book_vm *first,
                      const struct book_vm *second) {
    const struct lending *one = downstream_lending(downstream, first->record.asker);
    const struct lending *other = downstream_lending(downstream, second->record.asker);
    return (uint64_t)count(downstream, first).of_asker * downstream_weight(other) <
           (uint64_t)count(downstream, second).of_asker * downstream_weight(one);
}

static void postpone(struct downstream *downstream, struct book_vm *vm) {
    struct copying *copying = &downstream_vm(vm)->copying;
    list_remove(&copying->by_turn);
    copying->due_ms = downstream->manager.moment.now_ms + again_ms;
    downstream_review_copies(downstream, vm);
}

/* What is busy, or at a host where one is copied, is looked at again when that ends. */
static struct book_vm *next(struct downstream *downstream) {
    struct book_vm *best = NULL;
    list_for(struct downstream_vm, it, &downstream->copies_due, copying.by_turn) {
        struct book_vm *vm = &it->base;
        if (vm->active || vm->stored.move)
            continue;
        if (!may_be_copied(downstream, vm)) {
            postpone(downstream, vm);
            continue;
        }
        struct under_way counts = count(downstream, vm);
        if (counts.all >= copies_most)
            return NULL;
        if (!counts.at_host && (!best || is_behind(downstream, vm, best)))
            best = vm;
    }
    return best;
}

void downstream_start_copies(struct downstream *downstream) {
    list_for(struct book_vm, vm, &downstream->manager.book.vms, by_age)
        downstream_review_copies(downstream, vm);
}

static void review_due(struct downstream *downstream) {
    struct timer *timer = NULL;
    while ((timer = heap_first(&downstream->copies)) &&
           timer->due_ms <= downstream->manager.moment.now_ms)
        review(downstream, &container_of(timer, struct downstream_vm, copying.timer)->base);
}

void downstream_go_on_copying(struct downstream *downstream) {
    struct book_vm *vm = NULL;
    review_due(downstream);
    if (downstream->copies_turn_ms > downstream->manager.moment.now_ms ||
        downstream->manager.stopping)
        return;
    downstream->copies_turn_ms = book_never;
    while ((vm = next(downstream))) {
        struct book_op *op = downstream_begin_internal(downstream, vm, VERB_COPY);
        book_schedule(&downstream->manager.book, op); /* it ends, whoever does not answer */
        review(downstream, vm);
        downstream_copy(downstream, vm);
        review_due(downstream);
    }
    review_due(downstream);
}

uint64_t downstream_copies_deadline_ms(const struct downstream *downstream) {
    const struct timer *first = heap_first(&downstream->copies);
    uint64_t look_ms = first ? first->due_ms : book_never;
    return downstream->copies_turn_ms < look_ms ? downstream->copies_turn_ms : look_ms;
}
