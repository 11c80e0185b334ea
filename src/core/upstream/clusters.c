/* What follows here from a cluster's word: a definition goes to the next cluster, a deletion is
 * tried again, a record ends; and what becomes of VMs whose cluster is written off. */
#include "core/upstream/clusters.h"

#include "core/below/placement.h"
#include "core/below/reports.h"
#include "core/books/lifecycle.h"
#include "core/manager/operations.h"
#include "core/manager/reports.h"
#include "core/upstream/elsewhere.h"
#include "core/upstream/notify/happened.h"
#include "core/upstream/guest/console.h"
#include "core/upstream/operations.h"
#include "core/upstream/place.h"
#include "core/upstream/read.h"
#include "core/upstream/reshape_vm.h"
#include "core/upstream/upstream.h"

/* A definition ended below. What it left there decides what becomes of the VM here. */
static void end_define(struct upstream *upstream, struct book_vm *vm, const struct result *result) {
    if (downlink_code(VERB_DEFINE, result) == CODE_OK) {
        manager_set_state(&upstream->manager, vm, result->state);
    } else if (downlink_is_undone(result)) {
        upstream_remove_vm(upstream, vm); /* nothing is half-made */
    } else {
        manager_undo(&upstream->manager, vm, UNDO_NOW);
    }
}

static void on_result(struct manager *manager, struct peer *peer, const struct result *result) {
    struct upstream *upstream = container_of(manager, struct upstream, manager);
    struct book_vm *vm = book_vm(&manager->book, result->vm);
    enum verb verb = vm->active->record.verb;
    enum code code = downlink_code(verb, result);
    if (vm->stored.move) {
        upstream_on_elsewhere_result(upstream, peer, result);
        return;
    }
    downlink_reflect(peer, vm->active);
    if (verb == VERB_DEFINE && downlink_is_undone(result) && placement_leads_on(vm, peer, code)) {
        upstream_try_next(upstream, vm);
        return;
    }
    upstream_reshape_concludes(upstream, vm, result);
    if (verb == VERB_REBUILD && code == CODE_OK)
        upstream_renew_template(upstream, vm, &vm->active->record.definition);
    upstream_end(upstream, vm->active, code);
    if (verb == VERB_DEFINE)
        end_define(upstream, vm, result);
    else if (verb == VERB_DELETE && code == CODE_OK)
        upstream_remove_vm(upstream, vm);
    else if (verb == VERB_DELETE)
        manager_undo(&upstream->manager, vm, UNDO_LATER); /* wanted gone: until it is */
    else
        manager_learn_state(&upstream->manager, vm, code == CODE_LOST ? VM_LOST : result->state);
}

static void write_off(struct upstream *upstream, struct peer *peer, struct book_vm *vm) {
    struct book_op *op = vm->active;
    enum verb verb = op ? op->record.verb : VERB_DELETE;
    bool gone = verb == VERB_DEFINE || vm->record.state == VM_DELETING;
    if (vm->stored.move) { /* it was to be made there, or to be gone from there before that */
        upstream_recover(&upstream->manager, vm);
        return;
    }
    if (op) {
        op->decider = BY_OPERATOR;
        downlink_reflect(peer, op);
    }
    placement_take(vm);
    if (!gone && vm->record.state != VM_LOST)
        lifecycle_set_state(&vm->record, VM_LOST, upstream->manager.moment.wall_ms);
    if (op)
        upstream_end(upstream, op, verb == VERB_DELETE ? CODE_OK : CODE_LOST);
    if (gone)
        upstream_remove_vm(upstream, vm);
    else
        book_save_vm(&upstream->manager.book, vm);
    if (!gone)
        happened_vm(upstream, vm);
}

void upstream_write_off(struct upstream *upstream, struct peer *peer) {
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &peer->vms)
        write_off(upstream, peer, container_of(node, struct book_vm, by_place));
    peer_forget_capacity(peer);
    upstream_save_node(peer);
}

static void on_facts(struct manager *manager, struct book_vm *vm, const struct facts *facts) {
    upstream_learn(container_of(manager, struct upstream, manager), vm, facts);
}

static void on_usage(struct manager *manager, struct book_vm *vm, const struct usage *usage) {
    struct upstream *upstream = container_of(manager, struct upstream, manager);
    if (upstream->usage.every_ms)
        usage_add(&upstream->usage, &upstream_vm(vm)->usage, manager->moment.wall_ms, usage);
}

static void on_gone(struct manager *manager, struct book_vm *vm) {
    upstream_remove_vm(container_of(manager, struct upstream, manager), vm);
}

static struct book_op *begin_deletion(struct manager *manager, struct book_vm *vm) {
    struct upstream *upstream = container_of(manager, struct upstream, manager);
    const struct operation operation = {.verb = VERB_DELETE, .internal = true,
                                        .deadline_ms = upstream->settings.operation_ms};
    lifecycle_set_state(&vm->record, VM_DELETING, manager->moment.wall_ms);
    struct book_op *op = upstream_begin(upstream, vm, &operation);
    op->record.place_generation = ++vm->record.place_generation;
    return op;
}

static void on_loaded(struct manager *manager, struct book_op *op) {
    struct upstream *upstream = container_of(manager, struct upstream, manager);
    upstream_link_op(upstream, op);
    if (!book_op_has_ended(op))
        upstream_reshape_loaded(upstream, op);
}

/* What is shown of the cluster is stored. */
static void save_node(struct manager *manager, struct peer *peer) {
    happened_cluster(container_of(manager, struct upstream, manager), peer);
    upstream_save_node(peer);
}

static void on_state(struct manager *manager, struct book_vm *vm) {
    happened_vm(container_of(manager, struct upstream, manager), vm);
}

void upstream_save_lost(struct upstream *upstream) {
    list_for(struct peer, peer, &upstream->manager.downlink.turned, by_turned) {
        list_remove(&peer->by_turned);
        if (!peer_is_up(peer)) /* one that came has told what it has, or will */
            upstream_save_node(peer);
    }
}

static bool recover(struct manager *manager, struct book_vm *vm) {
    upstream_recover(manager, vm);
    return true;
}

const struct manager_kind upstream_kind = {
    .place = "cluster",
    .books = &upstream_books,
    .on_state = on_state,
    .on_facts = on_facts,
    .on_usage = on_usage,
    .on_reading = upstream_on_reading,
    .on_stream = upstream_on_stream,
    .may_stream = upstream_may_stream,
    .on_gone = on_gone,
    .begin_deletion = begin_deletion,
    .on_loaded = on_loaded,
    .on_result = on_result,
    .on_opened = save_node,
    .owes = upstream_owes,
    .recover = recover,
    .on_capacity = save_node,
};
