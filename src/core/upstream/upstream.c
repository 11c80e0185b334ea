#include "core/upstream/upstream.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/books/amounts.h"
#include "core/books/lifecycle.h"
#include "core/below/placement.h"
#include "core/upstream/parts.h"

enum { undo_pause_ms = 30000 };

void upstream_init(struct upstream *upstream, const struct role_settings *settings) {
    *upstream = (struct upstream){.settings = *settings};
    prng_init(&upstream->prng, settings->seed);
    prng_init(&upstream->ids.prng, prng_next(&upstream->prng));
    book_init(&upstream->book, prng_next(&upstream->prng));
    downlink_init(&upstream->downlink, settings, &upstream->prng);
    upstream->networks = memory_new(settings->networks_count, sizeof(*upstream->networks));
    for (size_t i = 0; i < settings->networks_count; i++)
        upstream->networks[upstream->networks_count++] = settings->networks[i];
    enrol_init(&upstream->enrol);
    map_init(&upstream->tenants_by_name, prng_next(&upstream->prng));
    map_init(&upstream->tenants_by_token, prng_next(&upstream->prng));
    map_init(&upstream->images_by_name, prng_next(&upstream->prng));
    map_init(&upstream->histories, upstream->images_by_name.seed);
    map_init(&upstream->idempotency_by_key, prng_next(&upstream->prng));
    list_init(&upstream->tenants);
    list_init(&upstream->images);
    list_init(&upstream->idempotency);
}

void upstream_deinit(struct upstream *upstream) {
    struct list *node = NULL, *next = NULL;
    while (heap_first(&upstream->waiters)) {
        struct waiter *waiter =
            container_of(heap_first(&upstream->waiters), struct waiter, timer);
        heap_remove(&upstream->waiters, &waiter->timer);
        memory_free(waiter);
    }
    heap_deinit(&upstream->waiters);
    memory_free(upstream->networks);
    list_each(node, next, &upstream->book.ops)
        memory_free(map_remove(&upstream->histories,
                               container_of(node, struct book_op, by_age)->record.vm));
    list_each(node, next, &upstream->tenants) {
        struct tenant_entry *tenant = container_of(node, struct tenant_entry, by_name);
        map_deinit(&tenant->vm_names);
        record_clear(&tenant_table, &tenant->record);
        memory_free(tenant);
    }
    list_each(node, next, &upstream->images)
        memory_free(container_of(node, struct image_entry, by_name));
    list_each(node, next, &upstream->idempotency)
        memory_free(container_of(node, struct idempotency_entry, by_age));
    map_deinit(&upstream->tenants_by_name);
    map_deinit(&upstream->tenants_by_token);
    map_deinit(&upstream->images_by_name);
    map_deinit(&upstream->histories);
    map_deinit(&upstream->idempotency_by_key);
    enrol_deinit(&upstream->enrol);
    downlink_deinit(&upstream->downlink);
    book_deinit(&upstream->book);
}

/* Keeps a list in the order of its names, so that a page goes on after a name that is gone. */
static void add_by_name(struct list *head, struct list *node,
                        const char *(*name)(const struct list *)) {
    struct list *before = head->previous;
    while (before != head && strcmp(name(before), name(node)) > 0)
        before = before->previous;
    list_add(before->next, node);
}

static const char *name_of_tenant(const struct list *node) {
    return container_of(node, const struct tenant_entry, by_name)->record.name;
}

static const char *name_of_image(const struct list *node) {
    return container_of(node, const struct image_entry, by_name)->record.name;
}

struct tenant_entry *upstream_add_tenant(struct upstream *upstream, const struct tenant *record) {
    struct tenant_entry *tenant = memory_new(1, sizeof(*tenant));
    record_clone(&tenant_table, record, &tenant->record);
    list_init(&tenant->vms);
    list_init(&tenant->ops);
    map_init(&tenant->vm_names, prng_next(&upstream->prng));
    add_by_name(&upstream->tenants, &tenant->by_name, name_of_tenant);
    map_put(&upstream->tenants_by_name, tenant->record.name, tenant);
    map_put(&upstream->tenants_by_token, tenant->record.token_hash, tenant);
    return tenant;
}

struct image_entry *upstream_add_image(struct upstream *upstream, const struct image *record) {
    struct image_entry *image = memory_new(1, sizeof(*image));
    image->record = *record;
    add_by_name(&upstream->images, &image->by_name, name_of_image);
    map_put(&upstream->images_by_name, image->record.name, image);
    return image;
}

struct idempotency_entry *upstream_add_idempotency(struct upstream *upstream,
                                                   const struct idempotency *record) {
    struct idempotency_entry *entry = memory_new(1, sizeof(*entry));
    entry->record = *record;
    list_add(&upstream->idempotency, &entry->by_age);
    map_put(&upstream->idempotency_by_key, entry->record.key, entry);
    return entry;
}

void upstream_link_vm(struct upstream *upstream, struct book_vm *vm) {
    struct tenant_entry *tenant = map_get(&upstream->tenants_by_name, vm->record.owner);
    struct image_entry *image = map_get(&upstream->images_by_name, vm->record.image);
    assert(tenant); /* a tenant with VMs cannot be deleted */
    list_add(&tenant->vms, &vm->by_owner);
    map_put(&tenant->vm_names, vm->record.name, vm);
    amounts_add(&tenant->used, &vm->record.size);
    if (image)
        image->vms++;
}

void upstream_remove_vm(struct upstream *upstream, struct book_vm *vm, struct effects *out) {
    struct tenant_entry *tenant = map_get(&upstream->tenants_by_name, vm->record.owner);
    struct image_entry *image = map_get(&upstream->images_by_name, vm->record.image);
    map_remove(&tenant->vm_names, vm->record.name);
    amounts_remove(&tenant->used, &vm->record.size);
    if (image)
        image->vms--;
    book_remove_vm(&upstream->book, vm, out);
}

void upstream_node(const struct peer *peer, struct node *out_node) {
    *out_node = (struct node){.state = peer->state, .seen_ms = peer->seen_ms,
                              .capacity = peer_capacity(peer)};
    (void)text_copy(out_node->name, sizeof(out_node->name), peer->setting.name);
    if (peer->setting.labels)
        (void)text_copy(out_node->labels, sizeof(out_node->labels), peer->setting.labels);
}

void upstream_save_node(struct peer *peer, struct effects *out) {
    struct node node;
    upstream_node(peer, &node);
    effects_save(out, &node_table, &node);
    record_clear(&node_table, &node);
}

static void load_node(struct upstream *upstream, const struct node *node, struct effects *out) {
    struct peer *peer = downlink_by_name(&upstream->downlink, node->name);
    if (!peer) {
        effects_forget(out, &node_table, node->name);
        return;
    }
    peer->seen_ms = node->seen_ms;
    peer_load_capacity(peer, &node->capacity);
}

void upstream_link_op(struct upstream *upstream, struct book_op *op) {
    struct tenant_entry *tenant = map_get(&upstream->tenants_by_name, op->record.owner);
    struct history *history = map_get(&upstream->histories, op->record.vm);
    if (!history) {
        history = memory_new(1, sizeof(*history));
        (void)text_copy(history->vm, sizeof(history->vm), op->record.vm);
        list_init(&history->ops);
        map_put(&upstream->histories, history->vm, history);
    }
    list_add(&history->ops, &op->by_vm);
    assert(tenant); /* a tenant's history goes with it */
    list_add(&tenant->ops, &op->by_owner);
}

void upstream_remove_op(struct upstream *upstream, struct book_op *op, struct effects *out) {
    struct history *history = map_get(&upstream->histories, op->record.vm);
    book_remove_op(&upstream->book, op, out);
    if (!list_is_empty(&history->ops))
        return;
    map_remove(&upstream->histories, history->vm);
    memory_free(history);
}

static void load_op(struct upstream *upstream, const struct operation *record,
                    const struct event *event) {
    struct book_op *op = book_add_op(&upstream->book, record);
    struct book_vm *vm = book_vm(&upstream->book, record->vm);
    upstream_link_op(upstream, op);
    if (book_op_has_ended(op))
        return;
    assert(vm);
    vm->active = op;
    upstream_reshape_loaded(upstream, op);
    placement_remember(&upstream->downlink, op);
    op->deadline_ms = book_deadline_ms(record, event);
    book_schedule(&upstream->book, op);
}

static void on_load(struct upstream *upstream, const struct event *event, struct effects *out) {
    const struct table *table = event->load.table;
    if (table == &tenant_table) {
        upstream_add_tenant(upstream, event->load.data);
    } else if (table == &image_table) {
        upstream_add_image(upstream, event->load.data);
    } else if (table == &node_table) {
        load_node(upstream, event->load.data, out);
    } else if (table == &vm_table) {
        struct book_vm *vm = book_add_vm(&upstream->book, event->load.data);
        struct peer *peer = downlink_by_name(&upstream->downlink, vm->record.place);
        upstream_link_vm(upstream, vm);
        if (peer)
            list_add(&peer->vms, &vm->by_place);
    } else if (table == &operation_table) {
        load_op(upstream, event->load.data, event);
    } else if (table == &idempotency_table) {
        upstream_add_idempotency(upstream, event->load.data);
    } else {
        enrol_load(&upstream->enrol, &upstream->downlink, &event->load, out);
    }
}

struct book_op *upstream_begin(struct upstream *upstream, struct book_vm *vm,
                               const struct operation *record, const struct event *event,
                               struct effects *out) {
    struct operation operation = *record;
    struct id id = id_make(&upstream->ids, "op", event->wall_ms);
    (void)text_copy(operation.id, sizeof(operation.id), id.text);
    operation.generation = vm->record.generation + 1;
    operation.deadline_ms = event->wall_ms + record->deadline_ms;
    struct book_op *op = book_begin(&upstream->book, vm, &operation, event, out);
    upstream_link_op(upstream, op);
    return op;
}

void upstream_reply_op(const struct upstream *upstream, const struct waiter *waiter,
                       struct effects *out) {
    struct operation told = explain_op(&upstream->downlink, &upstream->book, waiter->op,
                                       waiter->reader);
    struct reply *reply = &effects_add(out, EFFECT_REPLY)->reply;
    reply->kind = REPLY_OPERATION;
    reply->handle = waiter->handle;
    reply->record = (struct record){&operation_table, memory_copy(&told, sizeof(told))};
}

static void release_waiter(struct upstream *upstream, struct waiter *waiter,
                           struct effects *out) {
    upstream_reply_op(upstream, waiter, out);
    list_remove(&waiter->by_op);
    heap_remove(&upstream->waiters, &waiter->timer);
    upstream->waiters_count--;
    memory_free(waiter);
}

/* The oldest operations that have ended go when there are too many. */
static void prune(struct upstream *upstream, struct effects *out) {
    struct list *node = NULL, *next = NULL;
    uint64_t excess = upstream->book.ops_count > limit_operations_kept
                          ? upstream->book.ops_count - limit_operations_kept
                          : 0;
    list_each(node, next, &upstream->book.ops) {
        struct book_op *op = container_of(node, struct book_op, by_age);
        if (!excess)
            return;
        excess--;
        if (book_op_has_ended(op) && list_is_empty(&op->waiters))
            upstream_remove_op(upstream, op, out);
    }
}

void upstream_end(struct upstream *upstream, struct book_op *op, enum code code,
                  const struct event *event, struct effects *out) {
    struct book_vm *vm = book_vm(&upstream->book, op->record.vm);
    struct peer *peer = vm ? downlink_by_name(&upstream->downlink, vm->record.place) : NULL;
    if (peer)
        downlink_reflect(&upstream->downlink, peer, op);
    upstream_reshape_ends(upstream, op);
    book_end(&upstream->book, op, code, event, out);
    while (!list_is_empty(&op->waiters))
        release_waiter(upstream, container_of(op->waiters.next, struct waiter, by_op), out);
    if (op->record.internal && code != CODE_OK)
        upstream_remove_op(upstream, op, out); /* another one follows: nobody's history */
    else
        prune(upstream, out);
}

void upstream_undo(struct upstream *upstream, struct book_vm *vm, enum undo when,
                   const struct event *event, struct effects *out) {
    lifecycle_move(&vm->record, VM_DELETING, event->wall_ms);
    struct operation operation = {.verb = VERB_DELETE, .internal = true,
                                  .deadline_ms = upstream->settings.operation_ms};
    struct book_op *op = upstream_begin(upstream, vm, &operation, event, out);
    op->record.place_generation = ++vm->record.place_generation;
    if (when == UNDO_NOW) {
        downlink_instruct(&upstream->downlink, &upstream->book, vm, event, out);
    } else {
        op->resend_ms = event->now_ms + undo_pause_ms;
        book_schedule(&upstream->book, op);
    }
    book_save_vm(vm, out);
    book_save_op(op, out);
}

/* Law 6: an end for the tenant now; what is true of the VM is found out and mended. */
static void on_op_deadline(struct upstream *upstream, struct book_op *op,
                           const struct event *event, struct effects *out) {
    struct book_vm *vm = book_vm(&upstream->book, op->record.vm);
    bool define = op->record.verb == VERB_DEFINE;
    upstream_end(upstream, op, CODE_DEADLINE, event, out);
    struct peer *peer = downlink_by_name(&upstream->downlink, vm->record.place);
    bool to_be_gone = define || vm->record.state == VM_DELETING;
    if (to_be_gone && peer && peer_is_up(peer)) {
        upstream_undo(upstream, vm, UNDO_NOW, event, out);
    } else if (define) {
        lifecycle_move(&vm->record, VM_DELETING, event->wall_ms); /* once its place is back */
        book_save_vm(vm, out);
    }
}

static void on_tick(struct upstream *upstream, const struct event *event, struct effects *out) {
    struct timer *timer = NULL;
    while ((timer = heap_first(&upstream->waiters)) && timer->due_ms <= event->now_ms)
        release_waiter(upstream, container_of(timer, struct waiter, timer), out);
    while ((timer = heap_first(&upstream->book.timers)) && timer->due_ms <= event->now_ms) {
        struct book_op *op = container_of(timer, struct book_op, timer);
        if (op->deadline_ms <= event->now_ms)
            on_op_deadline(upstream, op, event, out);
        else
            downlink_instruct(&upstream->downlink, &upstream->book,
                              book_vm(&upstream->book, op->record.vm), event, out);
    }
    downlink_on_tick(&upstream->downlink, event);
}

static void on_stop(struct upstream *upstream, struct effects *out) {
    upstream->stopping = true;
    struct timer *timer = NULL;
    while ((timer = heap_first(&upstream->waiters)))
        release_waiter(upstream, container_of(timer, struct waiter, timer), out);
    effects_add(out, EFFECT_DONE);
}

void upstream_step(struct upstream *upstream, const struct event *event, struct effects *out) {
    switch (event->kind) {
    case EVENT_LOAD:
        on_load(upstream, event, out);
        break;
    case EVENT_START:
        effects_add(out, EFFECT_READY);
        break;
    case EVENT_TICK:
        on_tick(upstream, event, out);
        break;
    case EVENT_LINK:
    case EVENT_PEER:
        downlink_on_presence(&upstream->downlink, event);
        break;
    case EVENT_FRAME:
        upstream_on_frame(upstream, event, out);
        break;
    case EVENT_REQUEST:
        upstream_on_request(upstream, event, out);
        break;
    case EVENT_JOIN:
        enrol_on_join(&upstream->enrol, &upstream->downlink, event, out);
        break;
    case EVENT_REKEY:
        downlink_on_rekey(&upstream->downlink, event, out);
        break;
    case EVENT_STOP:
        on_stop(upstream, out);
        break;
    case EVENT_IMAGE:
    case EVENT_JOB:
    case EVENT_DOMAIN:
    case EVENT_SCANNED:
    case EVENT_HOST:
    case EVENT_JOINED:
    case EVENT_KIND_COUNT:
        break; /* of roles below */
    }
    downlink_on_end_of_step(&upstream->downlink, &upstream->book, event, out);
}

uint64_t upstream_deadline_ms(const struct upstream *upstream) {
    uint64_t due = downlink_deadline_ms(&upstream->downlink);
    const struct timer *op = heap_first(&upstream->book.timers);
    const struct timer *waiter = heap_first(&upstream->waiters);
    if (op && op->due_ms < due)
        due = op->due_ms;
    return waiter && waiter->due_ms < due ? waiter->due_ms : due;
}

void upstream_check(const struct upstream *upstream) {
    book_check(&upstream->book);
    downlink_check(&upstream->downlink);
    uint64_t vms = 0, ops = 0;
    struct list *node = NULL, *next = NULL, *inner = NULL, *following = NULL;
    list_each(node, next, &upstream->tenants) {
        struct tenant_entry *tenant = container_of(node, struct tenant_entry, by_name);
        struct owner_limits own = {0};
        list_each(inner, following, &tenant->vms)
            amounts_add(&own, &container_of(inner, struct book_vm, by_owner)->record.size);
        assert(own.vms == tenant->vm_names.count);
        assert(amounts_equal(&own, &tenant->used));
        vms += own.vms;
        list_each(inner, following, &tenant->ops)
            ops++;
    }
    assert(vms == upstream->book.vms_count && ops == upstream->book.ops_count);
}
