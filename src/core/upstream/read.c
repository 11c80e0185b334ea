/* What of each list and record the caller may see, and where a page of it goes on. */
#include "core/upstream/read.h"

#include <string.h>

#include "base/memory.h"
#include "core/manager/reads.h"
#include "core/manager/tell.h"
#include "core/upstream/images/held.h"
#include "core/upstream/images/images.h"
#include "core/upstream/images/retired.h"
#include "core/upstream/permit.h"
#include "core/upstream/quota.h"
#include "core/upstream/upstream.h"

static const char *key_of_owned(const struct list *node) {
    return container_of(node, const struct upstream_vm, by_tenant)->base.record.id;
}

static const char *key_of_vm(const struct list *node) {
    return container_of(node, const struct book_vm, by_age)->record.id;
}

static const char *key_of_op(const struct list *node) {
    return container_of(node, const struct book_op, by_age)->record.id;
}

static const char *key_of_owned_op(const struct list *node) {
    return container_of(node, const struct upstream_op, by_tenant)->base.record.id;
}

static const char *key_of_vms_op(const struct list *node) {
    return container_of(node, const struct upstream_op, by_vm)->base.record.id;
}

/* All operations of a VM are its tenant's. */
static const char *asker_of_history(const struct history *history) {
    return container_of(history->ops.next, const struct upstream_op, by_vm)->base.record.asker;
}

/* The tenant whose things are listed; NULL: all (operators). False: answered. */
static bool list_tenant(const struct call *call, struct tenant_entry **out_tenant) {
    const char *wanted = call->request->list.tenant;
    *out_tenant = call->tenant;
    if (call->tenant || !*wanted)
        return true;
    *out_tenant = map_get(&call->upstream->tenants_by_name, wanted);
    if (*out_tenant)
        return true;
    call_problem(call, CODE_NOT_FOUND, "tenant", "there is no tenant '%s'", wanted);
    return false;
}

void upstream_list_vms(const struct call *call) {
    struct tenant_entry *tenant = NULL;
    if (!list_tenant(call, &tenant))
        return;
    struct page page = page_begin(call, &vm_table);
    struct list *head = tenant ? &tenant->vms : &call->upstream->manager.book.vms;
    const struct book_vm *last = book_vm(&call->upstream->manager.book, call->request->list.after);
    if (last && tenant && !text_equal(last->record.asker, tenant->record.name))
        last = NULL;
    const struct list *known = !last    ? NULL
                               : tenant ? &upstream_vm(last)->by_tenant
                                        : &last->by_age;
    bool is_newest = call->request->list.sort == SORT_NEWEST;
    struct list *node = (is_newest ? page_start_newest : page_start)(
        call, head, known, tenant ? key_of_owned : key_of_vm);
    for (; node != head; node = is_newest ? node->previous : node->next) {
        const struct book_vm *vm = tenant ? &container_of(node, struct upstream_vm, by_tenant)->base
                                          : container_of(node, struct book_vm, by_age);
        struct interfaces_shown space;
        struct vm shown = upstream_shown(call->upstream, vm, &space);
        if (!page_add(&page, &shown))
            return;
    }
}

/* The shortest list that holds all that are asked for, and how a row stands in it. */
struct op_list {
    struct list *head; /* NULL: there are none */
    const char *(*key)(const struct list *);
    size_t member;
};

static struct op_list choose_ops(const struct call *call, struct tenant_entry *tenant) {
    struct upstream *upstream = call->upstream;
    const char *vm = call->request->list.vm;
    if (*vm) {
        struct history *history = map_get(&upstream->histories, vm);
        bool own = history && (!tenant || text_equal(asker_of_history(history),
                                                     tenant->record.name));
        return (struct op_list){own ? &history->ops : NULL, key_of_vms_op,
                                offsetof(struct upstream_op, by_vm)};
    }
    if (tenant)
        return (struct op_list){&tenant->ops, key_of_owned_op,
                                offsetof(struct upstream_op, by_tenant)};
    return (struct op_list){&upstream->manager.book.ops, key_of_op,
                            offsetof(struct upstream_op, base.by_age)};
}

/* Rows that are in the store alone, the newest first, as far as those in memory are newer. */
struct archive_walk {
    const struct archive *archive;
    const struct tenant_entry *tenant; /* NULL: all */
    const char *vm;                    /* "": all */
    size_t left;                       /* those before it are to come */
};

/* The next row's id; false: there is none. */
static bool archive_next(struct archive_walk *walk, char out_id[limit_id_size]) {
    for (; walk->left > walk->archive->first; walk->left--) {
        const struct archived *archived = &walk->archive->items[walk->left - 1];
        if ((walk->tenant && archived->tenant != walk->tenant) ||
            (*walk->vm && !archive_is_of(archived, walk->vm)))
            continue;
        archive_id(archived, out_id);
        return true;
    }
    return false;
}

/* Adds what is archived and newer than the operation `than`; "": all. False: the page is full. */
static bool add_archived(struct page *page, struct archive_walk *walk, const char *than) {
    struct operation key = {0};
    while (archive_next(walk, key.id) && strcmp(key.id, than) > 0) {
        if (!page_add_stored(page, &key))
            return false;
        walk->left--;
    }
    return true;
}

static bool add_op(struct page *page, const struct call *call, const struct book_op *op) {
    struct operation told =
        explain_op(&call->upstream->manager.downlink, op, upstream_reader(call));
    bool more = page_add(page, &told);
    record_clear(&operation_table, &told);
    return more;
}

void upstream_list_ops(const struct call *call) {
    struct upstream *upstream = call->upstream;
    struct tenant_entry *tenant = NULL;
    if (!list_tenant(call, &tenant))
        return;
    struct page page = page_begin(call, &operation_table);
    const struct op_list ops = choose_ops(call, tenant);
    const char *after = call->request->list.after, *vm = call->request->list.vm;
    struct archive_walk walk = {&upstream->archive, tenant, vm,
                                archive_before(&upstream->archive, after)};
    struct book_op *last = book_op(&upstream->manager.book, after);
    if (last && ((tenant && !text_equal(last->record.asker, tenant->record.name)) ||
                 (*vm && !text_equal(last->record.vm, vm))))
        last = NULL;
    const struct list *known =
        last ? (const struct list *)(const void *)((const char *)last + ops.member) : NULL;
    struct list *node = ops.head ? page_start_newest(call, ops.head, known, ops.key) : NULL;
    bool more = true;
    for (; more && node != ops.head; node = node->previous) {
        const struct book_op *op = (const void *)((const char *)node - ops.member);
        more = add_archived(&page, &walk, op->record.id) && add_op(&page, call, op);
    }
    more = more && add_archived(&page, &walk, "");
}

void upstream_list_shapes(const struct call *call) {
    struct page page = page_begin(call, &shape_table);
    const struct downlink *downlink = &call->upstream->manager.downlink;
    bool passed = false;
    for (size_t i = 0; i < downlink->catalogue_count; i++)
        if (!page_skips(call, downlink->catalogue[i].name, &passed) &&
            upstream_shows(call, PERMIT_SHAPE, downlink->catalogue[i].name) &&
            !page_add(&page, &downlink->catalogue[i]))
            return;
}

/* A tenant's is its own; one that had its name before has another. */
void upstream_list_audit(const struct call *call) {
    struct tenant_entry *tenant = NULL;
    if (list_tenant(call, &tenant))
        audit_list(call, &call->upstream->manager.audit, tenant ? tenant->record.name : NULL,
                   tenant ? tenant->record.created_ms : 0);
}

void upstream_list_access(const struct call *call) {
    struct tenant_entry *tenant = NULL;
    if (list_tenant(call, &tenant))
        access_list(call, &call->upstream->access, tenant ? tenant->record.name : NULL);
}

void upstream_list_networks(const struct call *call) {
    struct page page = page_begin(call, &network_table);
    const struct upstream *upstream = call->upstream;
    bool passed = false;
    for (size_t i = 0; i < upstream->networks_count; i++)
        if (!page_skips(call, upstream->networks[i].name, &passed) &&
            !page_add(&page, &upstream->networks[i]))
            return;
}

void upstream_list_images(const struct call *call) {
    struct page page = page_begin(call, &image_table);
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &call->upstream->images) {
        const struct image_entry *entry = container_of(node, struct image_entry, by_name);
        const struct image shown = images_shown(call, &entry->record), *image = &shown;
        if (strcmp(image->name, call->request->list.after) > 0 &&
            upstream_shows(call, PERMIT_IMAGE, image->name) && !page_add(&page, image))
            return;
    }
}

void upstream_list_tenants(const struct call *call) {
    struct page page = page_begin(call, &account_table);
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &call->upstream->tenants) {
        struct account account = upstream_account(
            call->upstream, container_of(node, struct tenant_entry, by_name));
        if (strcmp(account.name, call->request->list.after) > 0 && !page_add(&page, &account))
            return;
    }
}

/* What the caller's new VMs might find there. */
static void node_shown(const struct call *call, const struct peer *peer, struct node *out_node) {
    struct capacity *capacity = &out_node->capacity;
    uint32_t shown = 0;
    upstream_node(peer, out_node);
    if (call->tenant) { /* it is the operator's to see to */
        out_node->conflict = CONFLICT_NONE;
        out_node->conflict_ms = 0;
    }
    for (uint32_t i = 0; i < capacity->fits_count; i++)
        if (upstream_shows(call, PERMIT_SHAPE, capacity->fits[i].shape))
            capacity->fits[shown++] = capacity->fits[i];
    capacity->fits_count = shown;
    if (call->tenant) { /* all that follows is for operators to see to */
        out_node->overclaims = false;
        out_node->unreadable = 0;
    } else {
        upstream_show_lease(peer, out_node);
    }
}

void upstream_list_clusters(const struct call *call) {
    struct page page = page_begin(call, &node_table);
    const struct downlink *downlink = &call->upstream->manager.downlink;
    bool passed = false, more = true;
    for (size_t i = 0; i < downlink->count && more; i++) {
        const char *name = downlink->peers[i].setting.name;
        if (page_skips(call, name, &passed) || !upstream_shows(call, PERMIT_CLUSTER, name))
            continue;
        struct node node;
        node_shown(call, &downlink->peers[i], &node);
        more = page_add(&page, &node);
        record_clear(&node_table, &node);
    }
}

void upstream_show_cluster(const struct call *call) {
    const struct peer *peer =
        downlink_by_name(&call->upstream->manager.downlink, call->request->key);
    if (!peer || !upstream_shows(call, PERMIT_CLUSTER, call->request->key)) {
        call_not_found(call, "cluster");
        return;
    }
    struct node node;
    node_shown(call, peer, &node);
    if (!call->tenant)
        node.images = held_at(call->upstream, peer);
    call_answer(call, REPLY_RECORD, &node_table, &node);
    record_clear(&node_table, &node);
}

void upstream_whoami(const struct call *call) {
    struct whoami whoami = {0};
    text_format(whoami.role, sizeof(whoami.role), call->tenant ? "tenant" : "operator");
    if (call->tenant)
        text_set(whoami.tenant, call->tenant->record.name);
    if (call->token) {
        text_set(whoami.token, call->token->id);
        text_set(whoami.token_name, call->token->name);
        whoami.rights = call->token->rights;
        whoami.expires_ms = call->token->expires_ms;
    }
    call_answer(call, REPLY_RECORD, &whoami_table, &whoami);
}

void upstream_show_vm(const struct call *call) {
    const struct book_vm *vm = upstream_find_vm(call, call->request->key);
    if (!vm)
        return;
    struct interfaces_shown space;
    struct vm shown = upstream_shown(call->upstream, vm, &space);
    call_answer(call, REPLY_RECORD, &vm_table, &shown);
}

void upstream_show_usage(const struct call *call) {
    const struct book_vm *vm = upstream_find_vm(call, call->request->key);
    if (!vm)
        return;
    struct usage_graph graph = {
        .every_seconds = (uint32_t)((call->upstream->usage.every_ms + 999) / 1000)};
    text_set(graph.vm, vm->record.id);
    graph.marks = usage_marks(upstream_vm(vm)->usage, &graph.marks_count);
    call_answer(call, REPLY_RECORD, &usage_graph_table, &graph);
    memory_free(graph.marks);
}

/* In words for each reason why there is no such part. */
static const char *words_of(enum code code) {
    return code == CODE_BUSY          ? "as much of logs as may be is being read; try again"
           : code == CODE_UNSUPPORTED ? "the VM's cluster, or host, is of an older version"
           : code == CODE_NOT_ALLOWED ? "its cluster's owner does not let logs be read"
           : code == CODE_NOT_FOUND   ? "it has no console log yet"
           : code == CODE_HOST_FAILED ? "the log could not be read there"
                                      : "its cluster, or host, does not answer; try again";
}

static void refuse_log(const struct call *call, enum code code) {
    call_problem(call, code, "", "there is no log of the VM now: %s", words_of(code));
}

void upstream_read_log(const struct call *call) {
    const struct book_vm *vm = upstream_find_vm(call, call->request->key);
    if (!vm)
        return;
    struct read what = {.from = call->request->list.from};
    text_set(what.vm, vm->record.id);
    const struct reader reader = {.handle = call->request->handle};
    enum code code = reads_ask(&call->upstream->manager, vm, &what, &reader);
    if (code != CODE_OK)
        refuse_log(call, code);
}

void upstream_on_reading(struct manager *manager, const struct reader *reader,
                         const struct reading *reading) {
    const struct request request = {.handle = reader->handle};
    const struct call call = {.moment = &manager->moment, .request = &request};
    struct console_log log = {.from = reading->from, .next = reading->next,
                              .base64 = reading->base64};
    text_set(log.vm, reader->vm);
    if (reading->code == CODE_OK)
        call_answer(&call, REPLY_RECORD, &console_log_table, &log);
    else
        refuse_log(&call, reading->code == CODE_LOST ? CODE_NOT_FOUND : reading->code);
}

void upstream_show_image(const struct call *call) {
    const struct image_entry *image =
        map_get(&call->upstream->images_by_name, call->request->key);
    if (image && upstream_shows(call, PERMIT_IMAGE, call->request->key)) {
        struct image shown = images_shown(call, &image->record);
        if (!call->tenant)
            shown.clusters = held_by(call->upstream, &shown);
        call_answer(call, REPLY_RECORD, &image_table, &shown);
        memory_free(shown.clusters);
    } else {
        call_not_found(call, "image");
    }
}

void upstream_show_tenant(const struct call *call) {
    const struct tenant_entry *tenant =
        map_get(&call->upstream->tenants_by_name, call->request->key);
    if (tenant)
        upstream_answer_account(call, tenant);
    else
        call_not_found(call, "tenant");
}

static void tell_tenants(const struct upstream *upstream, struct metrics *metrics) {
    uint32_t count = 0;
    list_for(const struct tenant_entry, tenant, &upstream->tenants, by_name) {
        if (count++ < limit_metrics_things)
            tell_used(metrics, METRIC_QUOTA_USED, tenant->record.name,
                      (struct tell_amounts){&tenant->used, &tenant->record.quota});
    }
}

static void tell_clusters(const struct upstream *upstream, struct metrics *metrics) {
    const struct downlink *downlink = &upstream->manager.downlink;
    for (size_t i = 0; i < downlink->count && i < limit_metrics_things; i++) {
        const struct peer *peer = &downlink->peers[i];
        metrics_add(metrics, METRIC_CLUSTER_UP, (struct metric_labels){peer->setting.name},
                    peer_is_up(peer));
        tell_capacity(metrics, METRIC_CLUSTER_CPUS, peer->setting.name, &peer->capacity);
    }
}

static uint64_t beyond(uint64_t count) {
    return count > limit_metrics_things ? count - limit_metrics_things : 0;
}

void upstream_tell_metrics(const struct call *call) {
    const struct upstream *upstream = call->upstream;
    struct metrics metrics = {0};
    tell_books(&upstream->manager, &metrics);
    metrics_add(&metrics, METRIC_TENANTS, (struct metric_labels){0},
                upstream->tenants_by_name.count);
    metrics_add(&metrics, METRIC_IMAGES, (struct metric_labels){0}, upstream->images_by_name.count);
    retired_tell(upstream, &metrics);
    tell_tenants(upstream, &metrics);
    tell_clusters(upstream, &metrics);
    metrics_add(&metrics, METRIC_LEFT_OUT, (struct metric_labels){0},
                beyond(upstream->tenants_by_name.count) +
                    beyond(upstream->manager.downlink.count));
    call_answer(call, REPLY_RECORD, &metrics_table, &metrics);
    record_clear(&metrics_table, &metrics);
}
