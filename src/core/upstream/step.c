/* What the upstream manager does on each event. An operation whose time is over ends for its
 * tenant at once; what is true of its VM is found out and mended afterwards. */
#include "core/below/claims.h"
#include "core/upstream/step.h"

#include <assert.h>

#include "base/memory.h"
#include "core/below/instruct.h"
#include "core/books/amounts.h"
#include "core/books/lifecycle.h"
#include "core/manager/operations.h"
#include "core/manager/reads.h"
#include "core/manager/recover.h"
#include "core/manager/reports.h"
#include "core/manager/streams.h"
#include "core/upstream/account/asker.h"
#include "core/upstream/clusters.h"
#include "core/upstream/notify/chats.h"
#include "core/upstream/notify/happened.h"
#include "core/upstream/notify/holders.h"
#include "core/upstream/elsewhere.h"
#include "core/upstream/guest/console.h"
#include "core/upstream/operations.h"
#include "core/upstream/place.h"
#include "core/upstream/requests.h"
#include "core/upstream/reshape_vm.h"
#include "core/upstream/images/retired.h"
#include "core/upstream/rules.h"
#include "core/upstream/upstream.h"
#include "message/records/retired.h"

void upstream_init(struct upstream *upstream, const struct role_settings *settings) {
    *upstream = (struct upstream){.settings = *settings};
    manager_init(&upstream->manager, &upstream_kind, settings);
    upstream->networks = memory_new(settings->networks_count, sizeof(*upstream->networks));
    for (size_t i = 0; i < settings->networks_count; i++)
        upstream->networks[upstream->networks_count++] = settings->networks[i];
    map_init(&upstream->tenants_by_name, prng_next(&upstream->manager.prng));
    access_init(&upstream->access, prng_next(&upstream->manager.prng));
    deliveries_init(&upstream->manager.deliveries, upstream->access.by_hash.seed,
                    (contact_operators_events & ~contact_tenants_events) | 1U << NOTICE_QUOTA);
    upstream->clusters_away = memory_new(settings->agents_count, sizeof(bool));
    map_init(&upstream->images_by_name, prng_next(&upstream->manager.prng));
    map_init(&upstream->histories, upstream->images_by_name.seed);
    map_init(&upstream->idempotency_by_key, prng_next(&upstream->manager.prng));
    list_init(&upstream->tenants);
    list_init(&upstream->warm);
    list_init(&upstream->images);
    list_init(&upstream->retired);
    usage_book_init(&upstream->usage, settings->usage_ms, settings->usage_marks);
}

static void free_keys(struct upstream *upstream, struct keyring *keyring) {
    for (struct idempotency_entry *entry; (entry = keyring_oldest(keyring));)
        upstream_remove_idempotency(upstream, entry);
    heap_deinit(&keyring->keys);
}

void upstream_deinit(struct upstream *upstream) {
    struct list *node = NULL, *next = NULL;
    free_keys(upstream, &upstream->operator_keyring);
    while (heap_first(&upstream->waiters)) {
        struct waiter *waiter =
            container_of(heap_first(&upstream->waiters), struct waiter, timer);
        heap_remove(&upstream->waiters, &waiter->timer);
        memory_free(waiter);
    }
    heap_deinit(&upstream->waiters);
    memory_free(upstream->networks);
    text_deinit(&upstream->ssh_keys);
    list_each(node, next, &upstream->manager.book.ops)
        memory_free(map_remove(&upstream->histories,
                               container_of(node, struct book_op, by_age)->record.vm));
    list_for(struct tenant_entry, tenant, &upstream->tenants, by_name) {
        free_keys(upstream, &tenant->keyring);
        map_deinit(&tenant->vm_names);
        record_clear(&tenant_table, &tenant->record);
        memory_free(tenant);
    }
    list_each(node, next, &upstream->images)
        memory_free(container_of(node, struct image_entry, by_name));
    archive_deinit(&upstream->archive);
    retired_deinit(upstream);
    rules_deinit(upstream);
    heap_deinit(&upstream->key_holders);
    heap_deinit(&upstream->op_holders);
    map_deinit(&upstream->tenants_by_name);
    access_deinit(&upstream->access);
    deliveries_deinit(&upstream->manager.deliveries);
    memory_free(upstream->clusters_away);
    map_deinit(&upstream->images_by_name);
    map_deinit(&upstream->histories);
    map_deinit(&upstream->idempotency_by_key);
    reads_deinit(&upstream->manager);
    streams_deinit(&upstream->manager);
    recover_deinit(&upstream->manager);
    manager_deinit(&upstream->manager);
}

static void load_node(struct upstream *upstream, const struct node *node) {
    struct peer *peer = downlink_by_name(&upstream->manager.downlink, node->name);
    if (!peer) {
        effects_forget(upstream->manager.moment.out, &node_table, node->name);
        return;
    }
    peer->seen_ms = node->seen_ms;
    upstream->clusters_away[peer - upstream->manager.downlink.peers] = node->state == PEER_AWAY;
    peer_load_capacity(peer, &node->capacity);
}

static void load_key(struct upstream *upstream, const struct idempotency *record) {
    if (!upstream_add_idempotency(upstream, record))
        effects_forget(upstream->manager.moment.out, &idempotency_table, record->key);
}

static void load_template(struct upstream *upstream, const struct template *record) {
    struct book_vm *vm = book_vm(&upstream->manager.book, record->vm);
    if (vm)
        upstream_set_template(vm, record);
}

static void on_load(struct upstream *upstream, const struct event *event) {
    const struct table *table = event->load.table;
    if (table == &tenant_table) {
        upstream_add_tenant(upstream, event->load.data);
    } else if (table == &image_table) {
        upstream_add_image(upstream, event->load.data);
    } else if (table == &node_table) {
        load_node(upstream, event->load.data);
    } else if (table == &stored_vm_table) {
        id_seen(&upstream->manager.ids, ((const struct stored_vm *)event->load.data)->vm.id);
        upstream_link_vm(upstream, manager_load_vm(&upstream->manager, event->load.data));
    } else if (table == &operation_table) {
        id_seen(&upstream->manager.ids, ((const struct operation *)event->load.data)->id);
        manager_load_op(&upstream->manager, event->load.data);
    } else if (table == &template_table) {
        load_template(upstream, event->load.data);
    } else if (table == &retired_table) {
        retired_load(upstream, event->load.data);
    } else if (table == &rule_table) {
        rules_load(upstream, event->load.data);
    } else if (table == &idempotency_table) {
        load_key(upstream, event->load.data);
    } else {
        manager_load_incarnations(&upstream->manager, &event->load);
        enrol_load(&upstream->manager.enrol, &upstream->manager.downlink, &event->load);
        audit_load(&upstream->manager.audit, &event->load);
        access_load(&upstream->access, &event->load);
        deliveries_load(&upstream->manager.deliveries, &event->load);
        recover_load(&upstream->manager, &event->load);
    }
}

/* Law 6: an end for the tenant now; what is true of the VM is found out and mended. */
static void on_op_deadline(struct upstream *upstream, struct book_op *op) {
    struct book_vm *vm = book_vm(&upstream->manager.book, op->record.vm);
    bool define = op->record.verb == VERB_DEFINE;
    upstream_reshape_expires(upstream, vm);
    upstream_end(upstream, op, CODE_DEADLINE);
    struct peer *peer = downlink_by_name(&upstream->manager.downlink, vm->record.place);
    bool to_be_gone = define || vm->record.state == VM_DELETING;
    if (define && !*vm->record.place) { /* it has never stood anywhere */
        upstream_remove_vm(upstream, vm);
    } else if (to_be_gone && peer && peer_is_up(peer)) {
        manager_undo(&upstream->manager, vm, UNDO_NOW);
    } else if (define) {
        lifecycle_set_state(&vm->record, VM_DELETING,
                            upstream->manager.moment.wall_ms); /* once its place is back */
        book_save_vm(&upstream->manager.book, vm);
    }
}

/* Where the links were swept, a cluster may be given up by now: that is stored, and told. One that
 * has not been heard since the start is none that went. */
static void sweep_clusters(struct upstream *upstream) {
    struct downlink *downlink = &upstream->manager.downlink;
    uint64_t before = downlink->sweep_due_ms;
    downlink_on_tick(downlink);
    for (size_t i = 0; downlink->sweep_due_ms != before && i < downlink->count; i++) {
        struct peer *peer = &downlink->peers[i];
        if (peer->state != PEER_AWAY || upstream->clusters_away[i] || !peer->state_ms)
            continue;
        happened_cluster(upstream, peer);
        upstream_save_node(peer);
    }
}

static void on_tick(struct upstream *upstream) {
    struct timer *timer = NULL;
    while ((timer = heap_first(&upstream->waiters)) &&
           timer->due_ms <= upstream->manager.moment.now_ms)
        upstream_release(upstream, container_of(timer, struct waiter, timer));
    while ((timer = heap_first(&upstream->manager.book.timers)) &&
           timer->due_ms <= upstream->manager.moment.now_ms) {
        struct book_op *op = container_of(timer, struct book_op, timer);
        struct book_vm *vm = book_vm(&upstream->manager.book, op->record.vm);
        if (vm->stored.move)
            upstream_on_elsewhere_due(upstream, op);
        else if (op->deadline_ms <= upstream->manager.moment.now_ms)
            on_op_deadline(upstream, op);
        else if (*vm->record.place)
            downlink_instruct(&upstream->manager.downlink, vm);
        else
            upstream_try_next(upstream, vm);
    }
    sweep_clusters(upstream);
    audit_on_tick(&upstream->manager.audit, &upstream->manager.moment);
    access_on_tick(&upstream->access, &upstream->manager.moment);
    deliveries_on_tick(&upstream->manager.deliveries, &upstream->manager.moment);
}

static void on_frame(struct upstream *upstream, const struct event *event) {
    struct peer *peer =
        downlink_peer(&upstream->manager.downlink, event->frame.link, event->frame.from);
    if (peer)
        manager_on_frame(&upstream->manager, peer, event);
}

static void release_all(struct upstream *upstream) {
    struct timer *timer = NULL;
    while ((timer = heap_first(&upstream->waiters)))
        upstream_release(upstream, container_of(timer, struct waiter, timer));
    chats_release(upstream);
}

static void on_stop(struct upstream *upstream) {
    upstream->manager.stopping = true;
    release_all(upstream);
    audit_on_stop(&upstream->manager.audit, &upstream->manager.moment);
    effects_add(upstream->manager.moment.out, EFFECT_DONE);
}

static void on_start(struct upstream *upstream) {
    if (!manager_begin(&upstream->manager))
        return;
    downlink_start(&upstream->manager.downlink);
    upstream_begin_access(upstream);
    holders_begin(upstream);
    list_for(struct book_op, op, &upstream->manager.book.ops, by_age) {
        const struct book_vm *vm = book_vm(&upstream->manager.book, op->record.vm);
        if (book_op_has_ended(op) || *vm->record.place)
            continue; /* otherwise it waits for a cluster */
        op->resend_ms = upstream->manager.moment.now_ms;
        book_schedule(&upstream->manager.book, op);
    }
    effects_add(upstream->manager.moment.out, EFFECT_READY);
}

static void on_delivered(struct upstream *upstream, const struct event_delivered *delivered) {
    deliveries_on_delivered(&upstream->manager.deliveries, &upstream->manager.moment, delivered);
}

static void on_event(struct upstream *upstream, const struct event *event) {
    switch (event->kind) {
    case EVENT_LOAD:
        on_load(upstream, event);
        break;
    case EVENT_START:
        on_start(upstream);
        break;
    case EVENT_TICK:
        on_tick(upstream);
        break;
    case EVENT_LINK:
    case EVENT_PEER:
        downlink_on_presence(&upstream->manager.downlink, event);
        break;
    case EVENT_FRAME:
        on_frame(upstream, event);
        break;
    case EVENT_REQUEST:
        upstream_on_request(upstream, event);
        break;
    case EVENT_JOIN:
        enrol_on_join(&upstream->manager.enrol, &upstream->manager.downlink, event);
        break;
    case EVENT_REKEY:
        downlink_on_rekey(&upstream->manager.downlink, event);
        break;
    case EVENT_DISK:
        manager_on_disk(&upstream->manager, event);
        break;
    case EVENT_DELIVERED:
        on_delivered(upstream, &event->delivered);
        break;
    case EVENT_CERTIFICATE:
        happened_certificate(upstream, &event->certificate);
        break;
    case EVENT_ARCHIVE:
        retired_on_archive(upstream, event);
        break;
    case EVENT_STREAM:
        upstream_on_stream_event(upstream, &event->stream);
        break;
    case EVENT_STOP:
        on_stop(upstream);
        break;
    case EVENT_IMAGE:
    case EVENT_JOB:
    case EVENT_DOMAIN:
    case EVENT_SCANNED:
    case EVENT_GUARD:
    case EVENT_BUCKET:
    case EVENT_IPS:
    case EVENT_USAGE:
    case EVENT_READ:
    case EVENT_HOST:
    case EVENT_JOINED:
    case EVENT_KIND_COUNT:
        break; /* of roles below */
    }
    if (event->kind != EVENT_LOAD && !upstream->manager.stopping)
        retired_look(upstream);
    upstream_save_lost(upstream);
    recover_go_on(&upstream->manager);
    reads_go_on(&upstream->manager);
    streams_go_on(&upstream->manager);
    chats_go_on(upstream);
    manager_on_end_of_step(&upstream->manager);
    if (upstream->manager.deposed)
        release_all(upstream);
}

void upstream_step(struct upstream *upstream, const struct event *event, struct effects *out) {
    moment_begin(&upstream->manager.moment, event, out);
    if (!upstream->manager.deposed)
        on_event(upstream, event);
    moment_end(&upstream->manager.moment);
}

uint64_t upstream_deadline_ms(const struct upstream *upstream) {
    uint64_t due = manager_deadline_ms(&upstream->manager);
    uint64_t read = reads_deadline_ms(&upstream->manager);
    uint64_t look = retired_deadline_ms(upstream);
    uint64_t access = access_deadline_ms(&upstream->access);
    due = read < due ? read : due;
    due = look < due ? look : due;
    due = access < due ? access : due;
    uint64_t delivery = deliveries_deadline_ms(&upstream->manager.deliveries);
    due = delivery < due ? delivery : due;
    uint64_t chat = chats_deadline_ms(upstream);
    due = chat < due ? chat : due;
    uint64_t stream = streams_deadline_ms(&upstream->manager);
    due = stream < due ? stream : due;
    const struct timer *waiter = heap_first(&upstream->waiters);
    if (upstream->manager.deposed)
        return book_never;
    return waiter && waiter->due_ms < due ? waiter->due_ms : due;
}

/* Law 5: while a VM is between two clusters, an operation of ours on it is under way. */
static void check_elsewhere(const struct upstream *upstream) {
    list_for(const struct book_vm, vm, &upstream->manager.book.vms, by_age) {
        const struct book_op *op = vm->active;
        if (!vm->stored.move)
            continue;
        assert(op && op->record.internal && upstream_vm(vm)->template);
        assert((op->record.verb == VERB_DEFINE) == (vm->stored.move == MOVE_ARRIVING));
    }
}

void upstream_check(const struct upstream *upstream) {
    manager_check(&upstream->manager);
    for (size_t i = 1; i < upstream->rules_count; i++) /* while they are loaded with gaps */
        assert(upstream->rules[i - 1]->position < upstream->rules[i]->position);
    check_elsewhere(upstream);
    uint64_t vms = 0, ops = 0;
    struct list *inner = NULL, *following = NULL;
    list_for(struct tenant_entry, tenant, &upstream->tenants, by_name) {
        struct amounts own = {0};
        list_each(inner, following, &tenant->vms)
            amounts_add(&own,
                        &container_of(inner, struct upstream_vm, by_tenant)->base.record.size);
        assert(own.vms == tenant->vm_names.count);
        assert(amounts_equal(&own, &tenant->used));
        vms += own.vms;
        list_each(inner, following, &tenant->ops)
            ops++;
    }
    usage_check(&upstream->usage);
    assert(vms == upstream->manager.book.vms_count && ops == upstream->manager.book.ops_count);
}
