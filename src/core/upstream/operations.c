/* Which operations are kept and which go when there are too many; who waits for an end, and
 * until when. */
#include "core/upstream/operations.h"

#include <assert.h>

#include "base/memory.h"
#include "core/upstream/notify/happened.h"
#include "core/upstream/quota.h"
#include "core/upstream/reshape_vm.h"
#include "core/upstream/upstream.h"

/* It has ended, and stays to be read. */
static void keep(struct upstream *upstream, struct book_op *op) {
    struct tenant_entry *tenant = map_get(&upstream->tenants_by_name, op->record.asker);
    upstream_op(op)->keeper = tenant;
    list_add(&tenant->ended, &upstream_op(op)->by_end);
    list_add(&upstream->warm, &upstream_op(op)->by_warm);
    upstream->warm_count++;
    holders_gain(&upstream->op_holders, &tenant->kept);
}

/* It is about to leave the books. */
static void unlink_op(struct upstream *upstream, struct book_op *op) {
    struct history *history = map_get(&upstream->histories, op->record.vm);
    struct upstream_op *entry = upstream_op(op);
    upstream->warm_count -= !list_is_empty(&entry->by_warm);
    list_remove(&entry->by_warm);
    list_remove(&entry->by_end);
    list_remove(&entry->by_vm);
    if (!list_is_empty(&history->ops))
        return;
    map_remove(&upstream->histories, history->vm);
    memory_free(history);
}

/* The oldest of those that have ended leave memory; their rows stay. */
static void cool(struct upstream *upstream) {
    uint32_t most = upstream->settings.warm ? upstream->settings.warm : limit_operations_warm;
    while (upstream->warm_count > most) {
        struct upstream_op *oldest = container_of(upstream->warm.next, struct upstream_op, by_warm);
        if (!archive_add(&upstream->archive, &oldest->base.record, oldest->keeper))
            return;
        unlink_op(upstream, &oldest->base);
        book_archive_op(&upstream->manager.book, &oldest->base);
    }
}

static void forget_archived(struct upstream *upstream, size_t at) {
    char id[limit_id_size];
    const struct archived *archived = &upstream->archive.items[at];
    archive_id(archived, id);
    effects_forget(upstream->manager.moment.out, &operation_table, id);
    holders_lose(&upstream->op_holders, &archived->tenant->kept);
    archive_remove(&upstream->archive, at);
}

void upstream_forget_archived(struct upstream *upstream, const struct tenant_entry *tenant) {
    for (size_t at; (at = archive_oldest(&upstream->archive, tenant)) < upstream->archive.end;)
        forget_archived(upstream, at);
}

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
    if (book_op_has_ended(op)) {
        keep(upstream, op);
        cool(upstream);
    }
}

void upstream_remove_op(struct upstream *upstream, struct book_op *op) {
    if (!list_is_empty(&upstream_op(op)->by_end))
        holders_lose(&upstream->op_holders, &upstream_op(op)->keeper->kept);
    unlink_op(upstream, op);
    book_remove_op(&upstream->manager.book, op);
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

/* Where too many are kept, whoever has most gives up what ended first: a flood of one tenant's is
 * no end of another's history, by which a repeat is known. */
static void prune(struct upstream *upstream, const struct book_op *newest) {
    uint32_t most = upstream->settings.kept ? upstream->settings.kept : limit_operations_kept;
    const struct archive *archive = &upstream->archive;
    const struct holder *held = NULL;
    cool(upstream);
    while (upstream->manager.book.ops_count + archive_count(archive) > most &&
           (held = holders_most(&upstream->op_holders))) {
        const struct tenant_entry *tenant = container_of(held, struct tenant_entry, kept);
        size_t at = archive_oldest(archive, tenant);
        if (at < archive->end) {
            forget_archived(upstream, at);
            continue;
        }
        struct book_op *oldest =
            &container_of(tenant->ended.next, struct upstream_op, by_end)->base;
        if (oldest == newest) /* whoever has ended it goes on with it */
            return;
        upstream_remove_op(upstream, oldest);
    }
}

void upstream_end(struct upstream *upstream, struct book_op *op, enum code code) {
    struct book_vm *vm = book_vm(&upstream->manager.book, op->record.vm);
    struct peer *peer = vm ? downlink_by_name(&upstream->manager.downlink, vm->record.place) : NULL;
    if (code == CODE_NO_CAPACITY && op->record.obstacle) /* more room would not help */
        code = CODE_UNMET;
    if (peer)
        downlink_reflect(peer, op);
    upstream_reshape_ends(upstream, op);
    book_end(&upstream->manager.book, op, code);
    if (!op->record.internal)
        happened_operation(upstream, op);
    while (!list_is_empty(&upstream_op(op)->waiters))
        upstream_release(upstream,
                         container_of(upstream_op(op)->waiters.next, struct waiter, by_op));
    if (op->record.internal && code != CODE_OK) {
        upstream_remove_op(upstream, op); /* another one follows: nobody's history */
        return;
    }
    keep(upstream, op);
    prune(upstream, op);
}

bool upstream_answer_archived(const struct call *call, const char *op) {
    const struct archive *archive = &call->upstream->archive;
    size_t at = archive_find(archive, op);
    if (at == archive->end || (call->tenant && archive->items[at].tenant != call->tenant))
        return false;
    struct operation key = {0};
    text_set_sized(key.id, sizeof(key.id), op);
    call_answer_stored(call, REPLY_OPERATION, &operation_table, &key);
    return true;
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
