/* What a result, a deadline or another try means to a VM that has left one host and is not yet
 * on another. Whatever may be left of it there is deleted before it is made again. */
#include "core/downstream/moves.h"

#include "base/memory.h"
#include "core/above/instruct.h"
#include "core/below/instruct.h"
#include "core/below/reports.h"
#include "core/below/turns.h"
#include "core/books/copies.h"
#include "core/books/reshape.h"
#include "core/downstream/copy/restore.h"
#include "core/downstream/lending.h"
#include "core/downstream/migrate.h"
#include "core/downstream/operations.h"
#include "core/downstream/place.h"
#include "core/downstream/remake.h"
#include "core/manager/operations.h"
#include "core/manager/recover.h"

/* What is under way ends so; whatever is there is to be gone. */
static void delete_there(struct downstream *downstream, struct book_vm *vm, enum code code) {
    downstream_end(downstream, vm->active, code);
    downstream_order(downstream, vm, VERB_DELETE);
}

/* What its disk held is lost, and its snapshots with it. It has what it had, even if that is of no
 * shape, as where nobody knows what came of a resize; or the shapes have not come yet. */
static void forget_disk(struct downstream *downstream, struct book_vm *vm) {
    struct lending *lending = downstream_lending(downstream, vm->record.asker);
    struct size is = downstream_learn_size(downstream, &vm->record.size)
                         ? vm->record.size
                         : downstream_vm(vm)->template->definition.size;
    reshape_make_anew(vm, &is, downstream_used(downstream, vm));
    book_save_vm(&downstream->manager.book, vm);
    if (lending)
        uplink_send_facts(&lending->uplink, vm);
}

/* Nothing is left of it where it was. Of a snapshot it may have been heard late; copies of a place
 * that is a manager have gone with it. */
static void arrive(struct downstream *downstream, struct book_vm *vm, enum code code) {
    placement_take(vm);
    manager_set_state(&downstream->manager, vm, VM_STOPPED);
    downstream_end(downstream, vm->active, code);
    if (vm->record.snapshots_count || vm->record.copies_count)
        forget_disk(downstream, vm);
    downstream_order(downstream, vm, VERB_DEFINE);
    downstream_await_source(downstream, vm);
}

static void on_define_result(struct downstream *downstream, struct book_vm *vm,
                             const struct result *result) {
    struct peer *peer = downlink_by_name(&downstream->manager.downlink, vm->record.place);
    enum code code = downlink_code(VERB_DEFINE, result);
    if (!downlink_is_undone(result) && code == CODE_OK) {
        downstream_end_move(downstream, vm);
        manager_set_state(&downstream->manager, vm, result->state);
        downstream_end(downstream, vm->active, code);
        effects_note(downstream->manager.moment.out, NOTE_INFO, "", "VM %s is on host %s now",
                     vm->record.id, vm->record.place);
    } else if (!downlink_is_undone(result)) { /* something of it is there */
        downstream_doubt_copy(downstream, vm);
        delete_there(downstream, vm, code);
    } else if (placement_leads_on(vm, peer, code)) {
        downstream_place(downstream, vm);
        downlink_freed(peer);
    } else {
        placement_take(vm);
        downstream_doubt_copy(downstream, vm);
        downstream_await_room(downstream, vm);
        downlink_freed(peer);
    }
}

void downstream_on_move_result(struct downstream *downstream, struct peer *peer,
                               const struct result *result) {
    struct book_vm *vm = book_vm(&downstream->manager.book, result->vm);
    struct book_op *op = vm->active;
    downlink_reflect(peer, op);
    if (vm->stored.move >= MOVE_RECEIVING) {
        downstream_on_live_result(downstream, result);
    } else if (op->record.verb == VERB_DEFINE) {
        on_define_result(downstream, vm, result);
    } else if (op->record.verb == VERB_SHUTDOWN) {
        delete_there(downstream, vm, result->code);
    } else if (result->code == CODE_OK) {
        arrive(downstream, vm, CODE_OK);
    } else {
        delete_there(downstream, vm, result->code);
        vm->active->resend_ms = downstream->manager.moment.now_ms + manager_pause_ms;
    }
    downstream_drain_soon(downstream);
}

bool downstream_owes(const struct book_vm *vm) {
    bool is_leased = vm->stored.leased && downstream_vm(vm)->template;
    bool is_busy = vm->active && (vm->active->record.verb == VERB_DEFINE ||
                                  vm->active->record.verb == VERB_DELETE);
    if (vm->stored.move)
        return is_leased &&
               (vm->stored.move == MOVE_LEAVING || vm->stored.move == MOVE_ARRIVING);
    return is_leased && !is_busy &&
           (vm->record.state == VM_RUNNING || vm->record.state == VM_PAUSED);
}

/* Whoever asked for what is under way there hears that nobody knows what came of it. */
static void end_there(struct downstream *downstream, struct book_vm *vm) {
    struct book_op *op = vm->active;
    struct peer *peer = downlink_by_name(&downstream->manager.downlink, book_asked_place(vm));
    if (op && peer)
        downlink_reflect(peer, op);
    if (op)
        reshape_settle(vm, CODE_INTERRUPTED, downstream_used(downstream, vm));
    placement_take(vm);
    manager_set_state(&downstream->manager, vm, VM_STOPPED);
    if (op)
        downstream_end(downstream, op, CODE_INTERRUPTED);
    if (op && peer)
        downlink_freed(peer);
}

/* A rest of it from a migration would be discarded, and it may come to that host now. */
static void evict_rest(struct downstream *downstream, struct book_vm *vm) {
    if (!*book_destination(vm))
        return;
    recover_evict(&downstream->manager, vm, book_destination(vm), ++vm->record.place_epoch);
    book_set_destination(vm, NULL);
}

/* Its host was lost, and its disk with that. */
static void count_loss(struct downstream *downstream, struct book_vm *vm) {
    vm->record.restarts++;
    vm->record.restarted_ms = downstream->manager.moment.wall_ms;
    forget_disk(downstream, vm);
}

/* What was known when, and who decided. */
static void tell_loss(struct downstream *downstream, struct book_op *op, const struct peer *peer,
                      const char *host) {
    const struct book_vm *vm = book_vm(&downstream->manager.book, op->record.vm);
    uint64_t now_ms = downstream->manager.moment.wall_ms;
    uint64_t lost_ms = !peer ? now_ms : peer->lost_ms ? peer->lost_ms : peer->seen_ms;
    bool is_said = peer && (peer->is_off || peer->is_approved);
    struct timeline_entry *first = op->record.timeline;
    first->step = STEP_LOST;
    first->at_ms = lost_ms && lost_ms < now_ms ? lost_ms : now_ms;
    first->place = memory_text(host);
    (void)book_tell(op, &(struct timeline_entry){.at_ms = now_ms,
                                                 .step = STEP_ACCEPTED,
                                                 .by = is_said ? BY_OPERATOR : BY_MANAGER,
                                                 .copy_ms = vm->record.restored_ms});
    op->record.state = OP_PENDING;
    book_save_op(&downstream->manager.book, op);
}

/* Told once. */
static void stay(struct downstream *downstream, struct book_vm *vm) {
    if (!downstream_vm(vm)->told_lacking)
        effects_note(downstream->manager.moment.out, NOTE_WARNING, "",
                     "VM %s ran on host %s, which is lost: it is to be made from a copy, and there "
                     "is none, so that it waits for that host",
                     vm->record.id, vm->record.place);
    downstream_vm(vm)->told_lacking = true;
}

static void note_loss(struct downstream *downstream, const struct book_vm *vm) {
    const struct vm *record = &vm->record;
    char from[64] = "its image";
    if (vm->stored.restores)
        text_format(from, sizeof(from), "a copy that was made %llu s ago",
                    (unsigned long long)(copies_ago_ms(record->restored_ms,
                                                       downstream->manager.moment.wall_ms) /
                                         1000));
    effects_note(downstream->manager.moment.out, NOTE_WARNING, "",
                 "VM %s ran on host %s, which is lost: it is made anew from %s", record->id,
                 record->place, from);
}

bool downstream_recover(struct downstream *downstream, struct book_vm *vm) {
    struct peer *peer = downlink_by_name(&downstream->manager.downlink, vm->record.place);
    char host[limit_name_size];
    if (!vm->stored.move && downstream_lacks_copy(vm)) {
        stay(downstream, vm);
        return false;
    }
    if (!vm->stored.move && downstream_awaits_proof(downstream, vm))
        return false;
    text_set(host, vm->record.place);
    downstream_choose_source(vm);
    note_loss(downstream, vm);
    if (!vm->stored.move) {
        downstream_vm(vm)->template->definition.start = true;
        effects_save(downstream->manager.moment.out, &template_table, downstream_vm(vm)->template);
    }
    recover_evict(&downstream->manager, vm, vm->record.place, vm->record.place_epoch);
    end_there(downstream, vm);
    evict_rest(downstream, vm);
    count_loss(downstream, vm);
    downstream_order(downstream, vm, VERB_DEFINE);
    tell_loss(downstream, vm->active, peer, host);
    audit_note_restart(&downstream->manager.audit, &downstream->manager.moment, &vm->record,
                       vm->active->record.id);
    downstream_await_source(downstream, vm);
    return true;
}

void downstream_put_aside(struct downstream *downstream, struct book_vm *vm) {
    struct book_op *op = vm->active;
    struct peer *peer = downlink_by_name(&downstream->manager.downlink, vm->record.place);
    if (peer)
        downlink_reflect(peer, op);
    effects_note(downstream->manager.moment.out, NOTE_WARNING, "",
                 "VM %s runs in another cluster by now: what is left of it here is put aside",
                 vm->record.id);
    if (*vm->record.place)
        recover_evict(&downstream->manager, vm, vm->record.place, vm->record.place_epoch);
    evict_rest(downstream, vm);
    list_remove(&downstream_vm(vm)->by_move);
    placement_take(vm);
    downstream->manager.downlink.changed = true;
    manager_set_state(&downstream->manager, vm, VM_DELETED);
    downstream_end(downstream, op, CODE_OK);
    if (peer)
        downlink_freed(peer);
}

void downstream_on_move_due(struct downstream *downstream, struct book_op *op) {
    struct book_vm *vm = book_vm(&downstream->manager.book, op->record.vm);
    bool in_time = op->deadline_ms > downstream->manager.moment.now_ms;
    if (vm->stored.move >= MOVE_RECEIVING) {
        downstream_on_live_due(downstream, op);
        return;
    }
    if (in_time && *vm->record.place) {
        downlink_instruct(&downstream->manager.downlink, vm);
    } else if (in_time && !op->tried_count) {
        downstream_await_source(downstream, vm);
        book_schedule(&downstream->manager.book, op);
    } else if (*vm->record.place) { /* no word of it */
        delete_there(downstream, vm, CODE_DEADLINE);
    } else { /* whoever refused may have room by now */
        arrive(downstream, vm, in_time ? CODE_NO_CAPACITY : CODE_DEADLINE);
    }
}
