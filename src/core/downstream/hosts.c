/* What follows here from a host's word: a state is counted and told above, a definition goes to
 * the next host, a deletion is tried again, a record ends; what becomes of VMs whose host is
 * written off; and what every change of a VM's record brings with it. */
#include "core/downstream/hosts.h"

#include "core/above/instruct.h"
#include "core/above/uplink.h"
#include "core/below/lend.h"
#include "core/below/reports.h"
#include "core/below/turns.h"
#include "core/books/copies.h"
#include "core/books/reshape.h"
#include "core/downstream/copy/bucket.h"
#include "core/downstream/copy/copy.h"
#include "core/downstream/copy/schedule.h"
#include "core/downstream/lending.h"
#include "core/downstream/migrate.h"
#include "core/downstream/moves.h"
#include "core/downstream/notify/owner.h"
#include "core/downstream/operations.h"
#include "core/downstream/place.h"
#include "core/downstream/remake.h"
#include "core/downstream/share.h"
#include "core/downstream/told/usage.h"
#include "core/downstream/unheard.h"
#include "core/manager/operations.h"
#include "core/manager/reports.h"

/* Its state is counted against what its asker may use, and told where nobody waits for a result
 * that tells it. */
static void on_state(struct manager *manager, struct book_vm *vm) {
    struct downstream *downstream = container_of(manager, struct downstream, manager);
    struct lending *lending = downstream_lending(downstream, vm->record.asker);
    downstream_count(downstream, vm);
    if (!lending)
        return;
    uplink_capacity_changed(&lending->uplink);
    if (!vm->active || vm->active->record.internal)
        uplink_send_vm(&lending->uplink, vm);
}

/* Of a place that is a manager, which has lost a host. */
static void note_restart(struct manager *manager, const struct vm *vm, const struct vm *was) {
    enum { older_ms = 60000 }; /* times that were told as ages differ by a little each time */
    bool is_older = vm->restored_ms && vm->restored_ms + older_ms < was->restored_ms;
    if (vm->restarts > was->restarts || is_older)
        audit_note_restart(&manager->audit, &manager->moment, vm, "");
}

static void on_facts(struct manager *manager, struct book_vm *vm, const struct facts *facts) {
    struct downstream *downstream = container_of(manager, struct downstream, manager);
    struct lending *lending = downstream_lending(downstream, vm->record.asker);
    const struct peer *place = downlink_by_name(&manager->downlink, vm->record.place);
    bool is_passed_on = place && peer_is_manager(place) && !size_is_zero(&facts->size);
    uint64_t wall_ms = manager->moment.wall_ms;
    const struct vm was = {.restarts = vm->record.restarts, .restored_ms = vm->record.restored_ms};
    bool changed = reshape_learn(vm, facts, downstream_used(downstream, vm), wall_ms);
    if (is_passed_on)
        changed |= copies_learn(&vm->record, facts, wall_ms);
    if (!changed)
        return;
    note_restart(manager, &vm->record, &was);
    if (downstream_vm(vm)->stays == STAY_FETCHING) { /* maybe an image that it is of no more */
        downstream_vm(vm)->stays = STAY_UNDECIDED;
        downstream_drain_soon(downstream);
    }
    book_save_vm(&manager->book, vm);
    if (vm->active)
        book_save_op(&manager->book, vm->active);
    if (!lending)
        return;
    uplink_capacity_changed(&lending->uplink);
    const struct operation *op = vm->active ? &vm->active->record : NULL;
    if (!op || op->internal || !reshape_tells(op->verb)) /* otherwise its result tells them */
        uplink_send_facts(&lending->uplink, vm);
}

static void on_ips(struct manager *manager, struct book_vm *vm) {
    struct downstream *downstream = container_of(manager, struct downstream, manager);
    struct lending *lending = downstream_lending(downstream, vm->record.asker);
    if (lending && !lending->uplink.hides_ips)
        uplink_send_vm(&lending->uplink, vm);
}

/* What is left of it on its destination is to be gone as well. */
static void on_gone(struct manager *manager, struct book_vm *vm) {
    struct downstream *downstream = container_of(manager, struct downstream, manager);
    if (*book_destination(vm)) {
        downstream_follow(downstream, vm);
        manager_undo(manager, vm, UNDO_NOW);
    } else {
        placement_take(vm);
        manager_set_state(manager, vm, VM_DELETED);
        downstream_bury(downstream, vm);
    }
}

static void on_progress(struct manager *manager, struct book_op *op, enum step step) {
    struct downstream *downstream = container_of(manager, struct downstream, manager);
    struct lending *lending = downstream_lending(downstream, op->record.asker);
    if (!lending || step == STEP_TAKEN) /* that one is each level's own to tell */
        return;
    op->progress_ms = book_never;
    downstream_tell_capacity(downstream, lending);
    uplink_send_progress(&lending->uplink, op, step);
    book_schedule(&manager->book, op);
}

static void on_define_result(struct downstream *downstream, struct book_vm *vm,
                             const struct result *result) {
    struct peer *peer = downlink_by_name(&downstream->manager.downlink, vm->record.place);
    enum code code = downlink_code(VERB_DEFINE, result);
    bool undone = downlink_is_undone(result);
    if (undone && placement_leads_on(vm, peer, code)) {
        book_save_vm(&downstream->manager.book,
                     vm); /* it has no place until it gets another, which may take a while */
        book_save_op(&downstream->manager.book, vm->active);
        downstream_place(downstream, vm);
        downlink_freed(peer);
        return;
    }
    if (undone)
        placement_take(vm);
    else if (result->state != VM_DELETING)
        manager_set_state(&downstream->manager, vm, result->state);
    downstream_end(downstream, vm->active, code);
}

static void on_result(struct manager *manager, struct peer *peer, const struct result *result) {
    struct downstream *downstream = container_of(manager, struct downstream, manager);
    struct book_vm *vm = book_vm(&manager->book, result->vm);
    struct book_op *op = vm->active;
    bool internal = op->record.internal;
    book_say_why(op, result->why);
    if (op->record.verb == VERB_DISCARD) {
        downstream_on_discarded(downstream, result);
        return;
    }
    if (vm->stored.move) {
        downstream_on_move_result(downstream, peer, result);
        return;
    }
    downlink_reflect(peer, op); /* while it has a place */
    reshape_conclude(vm, result, downstream_used(downstream, vm));
    if (op->record.verb == VERB_REBUILD && result->code == CODE_OK) {
        reshape_rename(&vm->record, &op->record.definition);
        downstream_renew_template(downstream, vm, &op->record.definition);
        downstream_forget_copies(downstream, vm);
    }
    if (op->record.verb == VERB_DEFINE) {
        on_define_result(downstream, vm, result);
        return;
    }
    if (op->record.verb == VERB_COPY) {
        downstream_on_copied(downstream, vm, result);
        return;
    }
    if (op->record.verb == VERB_DELETE && result->code == CODE_OK && *book_destination(vm)) {
        downstream_follow(downstream, vm); /* and is to go there, too */
        op->attempts = 0;
        downstream_instruct(downstream, vm);
        downlink_freed(peer);
        return;
    }
    if (op->record.verb == VERB_DELETE && result->code == CODE_OK) {
        placement_take(vm);
        manager_set_state(&downstream->manager, vm, VM_DELETED);
    } else {
        manager_learn_state(&downstream->manager, vm,
                            result->code == CODE_LOST ? VM_LOST : result->state);
    }
    downstream_end(downstream, op, result->code);
    if (internal && vm->record.state == VM_DELETING)
        manager_undo(&downstream->manager, vm, UNDO_LATER);
    else if (internal)
        downstream_bury(downstream, vm);
}

static void write_off(struct downstream *downstream, struct peer *peer, struct book_vm *vm) {
    struct book_op *op = vm->active;
    enum verb verb = op ? op->record.verb : VERB_DELETE;
    bool makes = verb == VERB_DEFINE && !op->record.internal;
    if (vm->record.state == VM_DELETING && *book_destination(vm)) {
        downstream_follow(downstream, vm);
        if (op)
            downstream_instruct(downstream, vm);
        else
            manager_undo(&downstream->manager, vm, UNDO_NOW);
        return;
    }
    if (op) {
        op->decider = BY_OPERATOR;
        if (verb_is_ahead(verb))
            (void)downstream_take_reserved(downstream, vm);
        else
            downlink_reflect(peer, op);
    }
    placement_take(vm);
    downstream_end_move(downstream, vm);
    if (!makes) /* a definition fails, and its VM with it */
        manager_set_state(&downstream->manager, vm,
                          vm->record.state == VM_DELETING ? VM_DELETED : VM_LOST);
    if (op)
        downstream_end(downstream, op, verb == VERB_DELETE ? CODE_OK : CODE_LOST);
    book_save_vm(&downstream->manager.book, vm);
    downstream_bury(downstream, vm);
}

void downstream_write_off(struct downstream *downstream, struct peer *peer) {
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &peer->vms)
        write_off(downstream, peer, container_of(node, struct book_vm, by_place));
    downstream_write_off_destination(downstream, peer);
    peer_forget_capacity(peer);
}

static struct book_op *begin_deletion(struct manager *manager, struct book_vm *vm) {
    manager_set_state(manager, vm, VM_DELETING);
    return downstream_begin_internal(container_of(manager, struct downstream, manager), vm,
                                     VERB_DELETE);
}

static void on_loaded(struct manager *manager, struct book_op *op) {
    uplink_mark_untold(&manager->book, op);
    downstream_count_op(container_of(manager, struct downstream, manager), op);
}

static void on_opened(struct manager *manager, struct peer *peer) {
    struct downstream *downstream = container_of(manager, struct downstream, manager);
    owner_on_host(downstream, peer);
    downstream_on_destination_opened(downstream, peer);
    if (peer_is_emptied(peer))
        downstream_drain_soon(downstream);
}

static bool owes(const struct manager *manager, const struct book_vm *vm) {
    (void)manager;
    return downstream_owes(vm);
}

static bool recover(struct manager *manager, struct book_vm *vm) {
    return downstream_recover(container_of(manager, struct downstream, manager), vm);
}

/* VMs in the books, also those that have ended here and are not settled above. */
static uint64_t *known_to(struct book *book, const struct book_vm *vm) {
    struct manager *manager = container_of(book, struct manager, book);
    struct lending *lending =
        downstream_lending(container_of(manager, struct downstream, manager), vm->record.asker);
    return lending ? &lending->known : NULL;
}

static void vm_begins(struct book *book, struct book_vm *vm) {
    uint64_t *known = known_to(book, vm);
    list_init(&downstream_vm(vm)->by_move);
    list_init(&downstream_vm(vm)->by_held);
    list_init(&downstream_vm(vm)->copying.by_turn);
    if (known)
        ++*known;
}

static void vm_ends(struct book *book, struct book_vm *vm) {
    struct downstream *downstream = container_of(book, struct downstream, manager.book);
    heap_remove(&downstream->signs, &downstream_vm(vm)->sign);
    heap_remove(&downstream->copies, &downstream_vm(vm)->copying.timer);
    list_remove(&downstream_vm(vm)->copying.by_turn);
    list_remove(&downstream_vm(vm)->by_held);
    uint64_t *known = known_to(book, vm);
    list_remove(&downstream_vm(vm)->by_move);
    bucket_drop(book, vm);
    if (known)
        --*known;
    if (downstream_vm(vm)->template)
        effects_forget(book->moment->out, &template_table, vm->record.id);
}

static void vm_saved(struct book *book, struct book_vm *vm) {
    struct downstream *downstream = container_of(book, struct downstream, manager.book);
    downstream_review_unheard(downstream, vm);
    downstream_review_copies(downstream, vm);
}

static void vm_free(struct book_vm *vm) {
    downstream_set_template(vm, NULL);
    downstream_unhold(vm);
}

static const struct book_kind books = {.vm_size = sizeof(struct downstream_vm),
                                       .op_size = sizeof(struct downstream_op),
                                       .vm_begins = vm_begins,
                                       .vm_ends = vm_ends,
                                       .vm_saved = vm_saved,
                                       .vm_free = vm_free};

const struct manager_kind downstream_kind = {
    .place = "host",
    .books = &books,
    .on_state = on_state,
    .on_facts = on_facts,
    .on_ips = on_ips,
    .on_usage = downstream_on_usage,
    .on_reading = downstream_on_reading,
    .on_stream = downstream_on_stream,
    .may_stream = downstream_may_stream,
    .on_gone = on_gone,
    .begin_deletion = begin_deletion,
    .on_loaded = on_loaded,
    .on_progress = on_progress,
    .on_result = on_result,
    .on_opened = on_opened,
    .owes = owes,
    .recover = recover,
};
