/* When a place counts as lost, when that is held for a person, and what a place that is back is
 * told before it gets a lease. */
#include "core/manager/recover.h"

#include "base/memory.h"
#include "core/below/downlink.h"
#include "core/below/leases.h"
#include "message/leftover.h"

enum { again_ms = 30000, allowed_ms = 600000, room_ms = 1000 };

struct evicted {
    struct list node; /* in manager.evictions */
    struct eviction is;
};

static void drop(struct evicted *evicted) {
    list_remove(&evicted->node);
    memory_free(evicted);
}

void recover_deinit(struct manager *manager) {
    list_for(struct evicted, evicted, &manager->evictions, node)
        drop(evicted);
}

static struct evicted *add(struct manager *manager, const struct eviction *record) {
    struct evicted *evicted = memory_new(1, sizeof(*evicted));
    evicted->is = *record;
    list_add(&manager->evictions, &evicted->node);
    return evicted;
}

void recover_load(struct manager *manager, const struct record *record) {
    if (record->table == &eviction_table)
        (void)add(manager, record->data);
}

static void begin(struct manager *manager, struct eviction record) {
    struct id id = id_make(&manager->ids, "op", manager->moment.wall_ms);
    text_set(record.id, id.text);
    effects_save(manager->moment.out, &eviction_table, &add(manager, &record)->is);
}

static void look_at(struct manager *manager, uint64_t due_ms) {
    if (due_ms < manager->downlink.recover_due_ms)
        manager->downlink.recover_due_ms = due_ms;
}

void recover_evict(struct manager *manager, struct book_vm *vm, const char *place,
                   uint32_t epoch) {
    struct eviction record = {.epoch = epoch,
                              .generation = ++vm->record.place_generation,
                              .since_ms = manager->moment.wall_ms};
    text_set(record.vm, vm->record.id);
    text_set(record.place, place);
    struct peer *peer = downlink_by_name(&manager->downlink, place);
    begin(manager, record);
    if (!peer || !peer_is_up(peer)) /* it is told when it comes */
        return;
    peer->owes_evictions = peer->evicts = true;
    peer_review_lease(peer);
    look_at(manager, manager->moment.now_ms);
}

/* Is it of that place, and not done? */
static bool is_of(const struct evicted *evicted, const struct peer *peer) {
    return !evicted->is.done_ms && text_equal(evicted->is.place, peer->setting.name);
}

bool recover_evicts(const struct manager *manager, const struct peer *peer, const char *vm) {
    list_for(const struct evicted, evicted, &manager->evictions, node) {
        if (text_equal(evicted->is.vm, vm) && is_of(evicted, peer))
            return true;
    }
    return false;
}

void recover_resume_numbers(const struct manager *manager, struct book_vm *vm) {
    struct vm *record = &vm->record;
    list_for(const struct evicted, evicted, &manager->evictions, node) {
        const struct eviction *is = &evicted->is;
        if (!text_equal(is->vm, record->id))
            continue;
        record->place_epoch = is->epoch > record->place_epoch ? is->epoch : record->place_epoch;
        if (is->generation > record->place_generation)
            record->place_generation = is->generation;
    }
}

static void tell(struct peer *peer, const struct eviction *eviction) {
    struct message message = {.kind = MESSAGE_INSTRUCT};
    struct instruct *instruct = &message.instruct;
    text_set(instruct->op, eviction->id);
    text_set(instruct->vm, eviction->vm);
    instruct->epoch = eviction->epoch;
    instruct->generation = eviction->generation;
    instruct->verb = VERB_EVICT;
    instruct->within_ms = allowed_ms;
    downlink_send(peer, &message);
    peer->evict_number = peer->session.sent;
}

/* All are told, again if need be, which does no harm; without room for all of them, later. */
static void tell_all(struct manager *manager, struct peer *peer) {
    bool all = true;
    list_for(const struct evicted, evicted, &manager->evictions, node) {
        if (!is_of(evicted, peer))
            continue;
        all &= peer_has_room(peer);
        if (all)
            tell(peer, &evicted->is);
    }
    peer->owes_evictions = !all;
    peer->evicts = recover_count_evictions(manager, peer);
    if (!all)
        look_at(manager, manager->moment.now_ms + room_ms);
    peer_review_lease(peer);
}

void recover_on_opened(struct manager *manager, struct peer *peer) {
    peer->is_held = peer->is_off = peer->is_approved = false;
    peer->evict_again_ms = 0;
    tell_all(manager, peer);
}

static void forget(struct manager *manager, struct evicted *evicted) {
    effects_forget(manager->moment.out, &eviction_table, evicted->is.id);
    drop(evicted);
}

/* What has been put aside stays listed: of more than so many, the newest. */
static void keep(struct manager *manager, struct evicted *evicted) {
    size_t kept = 0;
    evicted->is.done_ms = manager->moment.wall_ms;
    effects_save(manager->moment.out, &eviction_table, &evicted->is);
    for (struct list *node = manager->evictions.previous, *next; node != &manager->evictions;
         node = next) {
        struct evicted *older = container_of(node, struct evicted, node);
        next = node->previous;
        if (older->is.done_ms && ++kept > limit_salvage)
            forget(manager, older);
    }
}

/* Has it been placed there anew since? */
static bool is_replaced(const struct manager *manager, const struct eviction *eviction) {
    const struct book_vm *vm = book_vm(&manager->book, eviction->vm);
    return vm && text_equal(vm->record.place, eviction->place) &&
           vm->record.place_epoch > eviction->epoch;
}

static bool is_done(const struct manager *manager, const struct eviction *eviction,
                    const struct result *result) {
    return result->code == CODE_OK || result->state == VM_DELETED ||
           is_replaced(manager, eviction);
}

/* A manager whose store was restored counts less far than the place, which has something newer of
 * it that is to go as well. */
static void catch_up(const struct manager *manager, struct eviction *eviction,
                     const struct result *result) {
    const struct book_vm *vm = book_vm(&manager->book, eviction->vm);
    eviction->generation++;
    if (result->code == CODE_STALE)
        eviction->epoch = vm && vm->record.place_epoch > eviction->epoch ? vm->record.place_epoch
                                                                         : eviction->epoch + 1;
}

bool recover_on_result(struct manager *manager, struct peer *peer, const struct result *result) {
    list_for(struct evicted, evicted, &manager->evictions, node) {
        if (!text_equal(evicted->is.id, result->op) || !is_of(evicted, peer))
            continue;
        struct eviction again = evicted->is;
        bool done = is_done(manager, &again, result);
        downlink_settle(peer, result->op);
        if (done && result->code != CODE_STALE)
            keep(manager, evicted);
        else
            forget(manager, evicted);
        peer->evicts = !done || recover_count_evictions(manager, peer);
        if (done)
            return true;
        effects_note(manager->moment.out, NOTE_WARNING, result->op,
                     "%s %s could not put VM %s aside, which runs elsewhere: %s",
                     manager->kind->place, peer->setting.name, result->vm,
                     code_names[result->code]);
        catch_up(manager, &again, result);
        begin(manager, again);
        peer->owes_evictions = true;
        peer_review_lease(peer);
        peer->evict_again_ms = manager->moment.now_ms + again_ms;
        look_at(manager, peer->evict_again_ms);
        return true;
    }
    return false;
}

/* ---- places whose lease has ended ---- */

size_t recover_count_owed(const struct manager *manager, const struct peer *peer) {
    size_t count = 0;
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &peer->vms)
        count += manager->kind->owes &&
                 manager->kind->owes(manager, container_of(node, struct book_vm, by_place));
    return count;
}

size_t recover_count_evictions(const struct manager *manager, const struct peer *peer) {
    size_t count = 0;
    list_for(const struct evicted, evicted, &manager->evictions, node)
        count += is_of(evicted, peer);
    return count;
}

static bool has_ended(const struct peer *peer) {
    return !peer_is_up(peer) &&
           (peer->is_off || peer->downlink->moment->now_ms > peer_lease_end_ms(peer));
}

/* Leases that were lost at once end one after the other: places count from when they are missed. */
static size_t count_silent(const struct manager *manager) {
    size_t count = 0;
    for (size_t i = 0; i < manager->downlink.count; i++) {
        const struct peer *peer = &manager->downlink.peers[i];
        count += !peer_is_up(peer) && recover_count_owed(manager, peer);
    }
    return count;
}

/* From when on it is certain enough that the fault is not one's own: our link has been up for a
 * while, and another place is heard for as long, so that all that come back have come. */
static uint64_t hears_others_ms(const struct manager *manager) {
    const struct downlink *downlink = &manager->downlink;
    uint64_t since_ms = downlink->link_up_ms;
    if (!since_ms || (downlink->count > 1 && !downlink->up_count))
        return book_never; /* whoever is heard, or our link, brings us here again */
    if (downlink->count > 1 && downlink->heard_ms > since_ms)
        since_ms = downlink->heard_ms;
    return since_ms + downlink->hold_down_ms;
}

static void hold(struct manager *manager, struct peer *peer) {
    if (!peer->is_held)
        effects_note(manager->moment.out, NOTE_WARNING, "",
                     "the lease of %s %s has ended, and more than half of them are not heard: its "
                     "VMs are restarted nowhere until somebody says so",
                     manager->kind->place, peer->setting.name);
    peer->is_held = true;
}

/* Those that cannot be made elsewhere yet stay where they are, and may go on if that is back. */
static void recover_all(struct manager *manager, struct peer *peer) {
    size_t count = 0;
    list_for(struct book_vm, vm, &peer->vms, by_place) {
        if (manager->kind->owes(manager, vm))
            count += manager->kind->recover(manager, vm);
    }
    if (count)
        effects_note(manager->moment.out, NOTE_WARNING, "",
                     "%s %s is lost: its VMs that are to be restarted are made to run elsewhere",
                     manager->kind->place, peer->setting.name);
}

static void review(struct manager *manager, struct peer *peer, size_t silent) {
    uint64_t now_ms = manager->moment.now_ms, heard_ms = hears_others_ms(manager);
    if (peer_is_up(peer) || !recover_count_owed(manager, peer))
        return;
    if (!has_ended(peer)) {
        look_at(manager, peer_lease_end_ms(peer) + 1);
    } else if (!peer->is_off && now_ms < heard_ms) {
        look_at(manager, heard_ms);
    } else if (!peer->is_off && !peer->is_approved &&
               (peer->is_held || 2 * silent > manager->downlink.count)) {
        hold(manager, peer);
    } else {
        peer->is_held = false;
        recover_all(manager, peer);
    }
}

/* What found no room, or failed there. */
static void tell_again(struct manager *manager, struct peer *peer) {
    uint64_t now_ms = manager->moment.now_ms;
    bool again = peer->evict_again_ms && peer->evict_again_ms <= now_ms;
    if (peer->evict_again_ms && !again)
        look_at(manager, peer->evict_again_ms);
    if (!peer_is_up(peer) || !(peer->owes_evictions || again))
        return;
    if (again)
        peer->evict_again_ms = 0;
    tell_all(manager, peer);
}

void recover_go_on(struct manager *manager) {
    struct downlink *downlink = &manager->downlink;
    if (manager->moment.now_ms < downlink->recover_due_ms)
        return;
    downlink->recover_due_ms = book_never;
    if (!manager->kind->owes || !manager->own.lease_ms)
        return;
    size_t silent = count_silent(manager);
    for (size_t i = 0; i < downlink->count; i++) {
        review(manager, &downlink->peers[i], silent);
        tell_again(manager, &downlink->peers[i]);
    }
}

void recover_soon(struct manager *manager) { look_at(manager, manager->moment.now_ms); }

void recover_now(struct manager *manager, struct peer *peer, enum recover_word word) {
    peer->is_off |= word == RECOVER_OFF;
    peer->is_approved = true;
    look_at(manager, manager->moment.now_ms);
}

enum lease_state recover_lease(const struct manager *manager, const struct peer *peer) {
    if (!manager->own.lease_ms || !peer->session.promised_ms)
        return LEASE_NONE;
    if (peer_is_up(peer))
        return peer->session.lease_ms ? LEASE_RUNS : LEASE_NONE;
    return !has_ended(peer) ? LEASE_RUNS : peer->is_held ? LEASE_HELD : LEASE_ENDED;
}

uint64_t recover_lease_ends_ms(const struct manager *manager, const struct peer *peer) {
    uint64_t now_ms = manager->moment.now_ms, ends_ms = peer_lease_end_ms(peer);
    if (peer_is_up(peer) || recover_lease(manager, peer) != LEASE_RUNS)
        return 0;
    return manager->moment.wall_ms + (ends_ms > now_ms ? ends_ms - now_ms : 0);
}

/* ---- what lost places have put aside ---- */

void recover_list(const struct call *call, const struct manager *manager) {
    struct page page = page_begin(call, &eviction_table);
    bool passed = false;
    list_for(const struct evicted, evicted, &manager->evictions, node) {
        if (!page_skips(call, evicted->is.id, &passed) && !page_add(&page, &evicted->is))
            return;
    }
}

void recover_forget(const struct call *call, struct manager *manager) {
    list_for(struct evicted, evicted, &manager->evictions, node) {
        if (!text_equal(evicted->is.id, call->request->key))
            continue;
        if (!evicted->is.done_ms) {
            call_problem(call, CODE_CONFLICT, "salvage", "%s '%s' has not said yet that VM '%s' "
                         "runs there no more: it is to hear of it when it is back",
                         manager->kind->place, evicted->is.place, evicted->is.vm);
            return;
        }
        call_answer(call, REPLY_GONE, &eviction_table, &evicted->is);
        forget(manager, evicted);
        return;
    }
    call_not_found(call, "salvage");
}
