/* Which operations are kept and which go when there are too many; who waits for an end, and
 * until when. */
#include "core/upstream/operations.h"

#include <assert.h>

#include "base/memory.h"
#include "core/upstream/quota.h"
#include "core/upstream/reshape_vm.h"
#include "core/upstream/upstream.h"

void upstream_link_op(struct upstream *upstream, struct book_op *op) {
    struct tenant_entry *tenant = map_get(&upstream->tenants_by_name, op->record.asker);
    struct history *history = map_get(&upstream->histories, op->record.vm);
    if (!history) {
        history = memory_new(1, sizeof(*history));
        text_set(history->vm, op->record.vm);
        list_init(&history->ops);
        map_put(&upstream->histories, history->vm, history);
    }
    list_add(&history->ops, &upstream_op(op)->by_vm);
    assert(tenant); /* a tenant's history goes with it */
    list_add(&tenant->ops, &upstream_op(op)->by_tenant);
}

void upstream_remove_op(struct upstream *upstream, struct book_op *op) {
    struct history *history = map_get(&upstream->histories, op->record.vm);
    book_remove_op(&upstream->manager.book, op);
    if (!list_is_empty(&history->ops))
        return;
    map_remove(&upstream->histories, history->vm);
    memory_free(history);
}

struct book_op *upstream_begin(struct upstream *upstream, struct book_vm *vm,
                               const struct operation *record) {
    struct operation operation = *record;
    struct id id = id_make(&upstream->manager.ids, "op", upstream->manager.moment.wall_ms);
    text_set(operation.id, id.text);
    operation.generation = vm->record.generation + 1;
    operation.deadline_ms = upstream->manager.moment.wall_ms + record->deadline_ms;
    struct book_op *op = book_begin(&upstream->manager.book, vm, &operation);
    upstream_link_op(upstream, op);
    return op;
}

void upstream_reply_op(struct upstream *upstream, const struct waiter *waiter) {
    struct operation told = explain_op(&upstream->manager.downlink, waiter->op, waiter->reader);
    struct reply *reply = &effects_add(upstream->manager.moment.out, EFFECT_REPLY)->reply;
    reply->kind = REPLY_OPERATION;
    reply->handle = waiter->handle;
    reply->record = (struct record){&operation_table, memory_copy(&told, sizeof(told))};
}

void upstream_release(struct upstream *upstream, struct waiter *waiter) {
    upstream_reply_op(upstream, waiter);
    list_remove(&waiter->by_op);
    heap_remove(&upstream->waiters, &waiter->timer);
    upstream->waiters_count--;
    memory_free(waiter);
}

/* The oldest operations that have ended go when there are too many. */
static void prune(struct upstream *upstream) {
    uint64_t excess = upstream->manager.book.ops_count > limit_operations_kept
                          ? upstream->manager.book.ops_count - limit_operations_kept
                          : 0;
    list_for(struct book_op, op, &upstream->manager.book.ops, by_age) {
        if (!excess)
            return;
        excess--;
        if (book_op_has_ended(op) && list_is_empty(&upstream_op(op)->waiters))
            upstream_remove_op(upstream, op);
    }
}

void upstream_end(struct upstream *upstream, struct book_op *op, enum code code) {
    struct book_vm *vm = book_vm(&upstream->manager.book, op->record.vm);
    struct peer *peer = vm ? downlink_by_name(&upstream->manager.downlink, vm->record.place) : NULL;
    if (peer)
        downlink_reflect(peer, op);
    upstream_reshape_ends(upstream, op);
    book_end(&upstream->manager.book, op, code);
    while (!list_is_empty(&upstream_op(op)->waiters))
        upstream_release(upstream,
                         container_of(upstream_op(op)->waiters.next, struct waiter, by_op));
    if (op->record.internal && code != CODE_OK)
        upstream_remove_op(upstream, op); /* another one follows: nobody's history */
    else
        prune(upstream);
}

void upstream_answer_op(const struct call *call, struct book_op *op) {
    struct upstream *upstream = call->upstream;
    uint64_t wait_ms = call->request->wait_ms;
    const struct waiter asks = {.op = op, .handle = call->request->handle,
                                .reader = upstream_reader(call)};
    if (!wait_ms || book_op_has_ended(op) || upstream->waiters_count >= limit_waiters) {
        upstream_reply_op(upstream, &asks);
        return;
    }
    struct waiter *waiter = memory_copy(&asks, sizeof(asks));
    list_add(&upstream_op(op)->waiters, &waiter->by_op);
    heap_set(&upstream->waiters, &waiter->timer, call->moment->now_ms + wait_ms);
    upstream->waiters_count++;
}
