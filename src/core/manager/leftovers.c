/* What of a table stays listed, and how a place is asked to remove one: outside of the books, since
 * it is in none; what gets lost on the way is asked again with the next table. */
#include "core/manager/leftovers.h"

#include "base/memory.h"
#include "core/below/downlink.h"
#include "core/books/lifecycle.h"
#include "core/books/reshape.h"

enum { allowed_ms = 600000 };

static struct left *find(const struct peer *peer, const char *vm) {
    list_for(struct left, left, &peer->leftovers, node) {
        if (text_equal(left->is.vm, vm))
            return left;
    }
    return NULL;
}

static void drop(struct peer *peer, struct left *left) {
    list_remove(&left->node);
    peer->leftovers_count--;
    memory_free(left->allow);
    memory_free(left);
}

static struct left *add(struct peer *peer, const char *vm) {
    struct left *left = memory_new(1, sizeof(*left));
    text_set(left->is.vm, vm);
    text_set(left->is.place, peer->setting.name);
    list_add(&peer->leftovers, &left->node);
    peer->leftovers_count++;
    return left;
}

static void ask_removal(struct peer *peer, const struct left *left) {
    struct message message = {.kind = MESSAGE_INSTRUCT};
    struct instruct *instruct = &message.instruct;
    text_set(instruct->op, left->op);
    text_set(instruct->vm, left->is.vm);
    instruct->epoch = left->is.epoch;
    instruct->generation = left->is.generation + 1;
    instruct->verb = VERB_DELETE;
    instruct->within_ms = allowed_ms;
    downlink_send(peer, &message);
}

enum { strangers_named = 64 }; /* in the log, each; of more, those that are worth noting */

void leftovers_hear(struct manager *manager, struct peer *peer, const struct vm_report *report) {
    struct left *left = find(peer, report->vm);
    bool gone = report->state == VM_DELETED || report->state == VM_FAILED;
    if (gone || report->generation >= session_number_most) {
        if (left)
            drop(peer, left);
        return;
    }
    if (!left && peer->leftovers_count >= limit_leftovers)
        return;
    if (!left) {
        left = add(peer, report->vm);
        if (++peer->strangers <= strangers_named || effects_worth_noting(peer->strangers))
            effects_note(manager->moment.out, NOTE_WARNING, "",
                         "%s %s has VM %s, which is not known to be there; nothing was done",
                         manager->kind->place, peer->setting.name, report->vm);
    }
    left->round = peer->sync_round;
    left->is.state = report->state;
    left->is.epoch = report->epoch;
    left->is.generation = report->generation;
    left->is.size = report->facts.size;
    left->is.known = book_vm(&manager->book, report->vm);
    text_set(left->is.image, report->facts.image);
    text_set(left->is.networks, report->facts.networks ? report->facts.networks : "");
    left->reallowed = report->facts.reallowed;
    memory_free(left->allow);
    left->allow = memory_text(report->facts.allow);
    if (left->is.leaving && report->state != VM_DELETING)
        ask_removal(peer, left);
}

void leftovers_sweep(struct peer *peer) {
    list_for(struct left, left, &peer->leftovers, node) {
        if (left->round != peer->sync_round)
            drop(peer, left);
    }
}

bool leftovers_on_result(struct manager *manager, struct peer *peer, const struct result *result) {
    struct left *left = find(peer, result->vm);
    if (!left || !*left->op || !text_equal(left->op, result->op))
        return false;
    downlink_settle(peer, result->op);
    if (result->code == CODE_OK || result->state == VM_DELETED) {
        drop(peer, left);
        return true;
    }
    effects_note(manager->moment.out, NOTE_WARNING, result->op,
                 "%s %s could not remove VM %s: %s", manager->kind->place, peer->setting.name,
                 result->vm, code_names[result->code]);
    left->is.leaving = false;
    left->op[0] = 0;
    return true;
}

struct left *leftovers_find(const struct call *call, struct manager *manager,
                            struct peer **out_peer) {
    const char *vm = call->request->key, *place = call->request->leftover.place;
    struct left *found = NULL;
    for (size_t i = 0; i < manager->downlink.count; i++) {
        struct peer *peer = &manager->downlink.peers[i];
        struct left *left = find(peer, vm);
        if (!left || (*place && !text_equal(place, peer->setting.name)))
            continue;
        if (found) {
            call_problem(call, CODE_CONFLICT, "place", "several have VM '%s': say which is meant",
                         vm);
            return NULL;
        }
        found = left;
        *out_peer = peer;
    }
    if (!found)
        call_problem(call, CODE_NOT_FOUND, "leftover", "no %s has a VM '%s' that is not known to "
                     "be there", manager->kind->place, vm);
    return found;
}

bool leftovers_may_be_taken(const struct call *call, const struct left *left,
                            const struct book_vm *vm) {
    bool is_lost = vm && vm->record.state == VM_LOST && !vm->active && !vm->stored.move;
    bool is_made = lifecycle_is_made(left->is.state) && left->is.size.cpus;
    if (vm && !is_lost)
        call_problem(call, CODE_CONFLICT, "vm", "VM '%s' is known, at '%s': discard what is at "
                     "'%s', or delete the VM", left->is.vm, vm->record.place, left->is.place);
    else if (left->is.leaving || !is_made)
        call_problem(call, CODE_BAD_STATE, "vm", "'%s' has no whole VM '%s'", left->is.place,
                     left->is.vm);
    else
        return true;
    return false;
}

void leftovers_take_in(struct peer *peer, struct left *left, struct book_vm *vm) {
    struct vm *record = &vm->record;
    text_set(record->place, peer->setting.name);
    record->place_epoch = left->is.epoch;
    if (record->place_generation < left->is.generation)
        record->place_generation = left->is.generation;
    vm->sync_round = peer->sync_round;
    if (left->reallowed)
        reshape_allow(record, left->allow);
    list_remove(&vm->by_place);
    list_add(&peer->vms, &vm->by_place);
    drop(peer, left);
}

void leftovers_list(const struct call *call, struct manager *manager) {
    struct page page = page_begin(call, &leftover_table);
    const char *place = call->request->list.place;
    bool passed = false;
    for (size_t i = 0; i < manager->downlink.count; i++) {
        const struct peer *peer = &manager->downlink.peers[i];
        if (*place && !text_equal(place, peer->setting.name))
            continue;
        list_for(const struct left, left, &peer->leftovers, node) {
            if (!page_skips(call, left->is.vm, &passed) && !page_add(&page, &left->is))
                return;
        }
    }
}

void leftovers_discard(const struct call *call, struct manager *manager) {
    struct peer *peer = NULL;
    struct left *left = leftovers_find(call, manager, &peer);
    if (!left)
        return;
    if (!peer_has_room(peer)) {
        call_problem(call, CODE_UNREACHABLE, "", "%s '%s' is not connected, or hears no more for "
                     "now; try again", manager->kind->place, peer->setting.name);
        return;
    }
    if (!*left->op) {
        struct id id = id_make(&manager->ids, "op", manager->moment.wall_ms);
        text_set(left->op, id.text);
    }
    left->is.leaving = true;
    ask_removal(peer, left);
    call_answer(call, REPLY_RECORD, &leftover_table, &left->is);
}
