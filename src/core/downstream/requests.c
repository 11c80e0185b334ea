/* The owner's API: what the cluster's owner asks and decides. Nothing here goes up but what becomes
 * of the aggregate. */
#include "core/downstream/requests.h"

#include "core/above/uplink.h"
#include "core/below/explain.h"
#include "core/below/lend.h"
#include "core/downstream/host_requests.h"
#include "core/downstream/patron.h"
#include "core/downstream/revoke.h"
#include "core/downstream/share.h"

static void save_lending(struct patron *patron) {
    struct lending_decision record = {.from = patron->from,
                                      .permissions_from = patron->permissions_from,
                                      .share_from = patron->share_from,
                                      .revoked_ms = patron->revoked_ms,
                                      .ends_ms = patron->ends_ms};
    text_set(record.name, patron->uplink.setting.name);
    if (patron->from == LIMITS_SET)
        record.limits = patron->limits;
    if (patron->permissions_from == LIMITS_SET)
        record.permissions = patron->permissions; /* borrowed */
    if (patron->share_from == LIMITS_SET)
        record.share = patron->share;
    if (record.from == LIMITS_SET || record.permissions_from == LIMITS_SET ||
        record.share_from == LIMITS_SET || record.revoked_ms)
        effects_save(patron->uplink.moment->out, &lending_decision_table, &record);
    else
        effects_forget(patron->uplink.moment->out, &lending_decision_table, record.name);
}

static void set_permissions(struct patron *patron, enum limits_from from,
                            const struct permissions *permissions) {
    record_clear(&permissions_table, &patron->permissions);
    record_clone(&permissions_table, permissions, &patron->permissions);
    patron->permissions_from = from;
}

void downstream_load_lending(struct downstream *downstream, const struct lending_decision *record) {
    struct patron *patron = downstream_patron(downstream, record->name);
    if (!patron)
        return;
    if (record->from == LIMITS_SET)
        patron->limits = record->limits;
    patron->from = record->from;
    if (record->permissions_from == LIMITS_SET)
        set_permissions(patron, LIMITS_SET, &record->permissions);
    if (record->share_from == LIMITS_SET)
        downstream_set_share(downstream, patron, LIMITS_SET, &record->share);
    if (!record->revoked_ms)
        return;
    /* A clock that jumped cannot stretch the grace. */
    uint64_t grace = record->ends_ms > record->revoked_ms ? record->ends_ms - record->revoked_ms
                                                          : 0;
    uint64_t left = record->ends_ms > downstream->manager.moment.wall_ms
                        ? record->ends_ms - downstream->manager.moment.wall_ms
                        : 0;
    downstream_revoke(patron, left < grace ? left : grace);
    patron->revoked_ms = record->revoked_ms;
    patron->ends_ms = record->ends_ms;
}

static uint64_t above(uint64_t used, uint64_t limit) {
    return limit && used > limit ? used - limit : 0;
}

/* Its permissions are the patron's: not to be cleared. */
static struct lending show_lending(const struct patron *patron) {
    const struct owner_limits *limits = &patron->limits, *used = &patron->used;
    struct lending lending = {
        .state = uplink_is_open(&patron->uplink) ? PEER_UP : PEER_AWAY,
        .seen_ms = patron->seen_ms,
        .from = patron->from,
        .permissions_from = patron->permissions_from,
        .permissions = patron->permissions,
        .share_from = patron->share_from,
        .share = patron->share,
        .phase = patron->phase,
        .revoked_ms = patron->revoked_ms,
        .ends_ms = patron->ends_ms,
        .limits = *limits,
        .configured = patron->configured,
        .used = *used,
        .over = {above(used->vms, limits->vms), above(used->cpus, limits->cpus),
                 above(used->memory_mib, limits->memory_mib),
                 above(used->disk_gib, limits->disk_gib)},
    };
    text_set(lending.name, patron->uplink.setting.name);
    return lending;
}

static void answer_lending(const struct call *call, const struct patron *patron) {
    struct lending lending = show_lending(patron);
    call_answer(call, REPLY_RECORD, &lending_table, &lending);
}

static void list_hosts(const struct call *call) {
    struct page page = page_begin(call, &host_table);
    const struct downlink *downlink = &call->downstream->manager.downlink;
    bool passed = false, more = true;
    for (size_t i = 0; i < downlink->count && more; i++) {
        if (page_skips(call, downlink->peers[i].setting.name, &passed))
            continue;
        struct owned_host host = downstream_show_host(&downlink->peers[i]);
        more = page_add(&page, &host);
        record_clear(&host_table, &host);
    }
}

static void list_lendings(const struct call *call) {
    struct page page = page_begin(call, &lending_table);
    bool passed = false;
    for (size_t i = 0; i < call->downstream->patrons_count; i++) {
        struct lending lending = show_lending(&call->downstream->patrons[i]);
        if (!page_skips(call, lending.name, &passed) && !page_add(&page, &lending))
            return;
    }
}

static const char *key_of_vm(const struct list *node) {
    return container_of(node, const struct book_vm, by_age)->record.id;
}

static struct hosted_vm hosted_vm(const struct call *call, const struct book_vm *it) {
    const struct vm *vm = &it->record;
    const struct peer *peer = downlink_by_name(&call->downstream->manager.downlink, vm->place);
    struct hosted_vm hosted = {
        .size = vm->size,
        .state = vm->state,
        .on_drain = downstream_vm(it)->template ? downstream_vm(it)->template->definition.on_drain
                                                : ON_DRAIN_STAY,
        .move = vm->move,
        .stays = peer && peer_is_emptied(peer) ? downstream_vm(it)->stays : STAY_UNDECIDED,
        .created_ms = vm->created_ms,
        .changed_ms = vm->changed_ms,
        .networks = vm->networks}; /* borrowed */
    text_set(hosted.id, vm->id);
    text_set(hosted.name, vm->name);
    text_set(hosted.upstream, vm->owner);
    text_set(hosted.host, vm->place);
    text_set(hosted.shape, vm->shape);
    text_set(hosted.digest, vm->digest);
    text_set(hosted.op, vm->op);
    return hosted;
}

static void list_vms(const struct call *call) {
    struct page page = page_begin(call, &hosted_vm_table);
    struct list *head = &call->downstream->manager.book.vms;
    const struct list_query *query = &call->request->list;
    const struct book_vm *last = book_vm(&call->downstream->manager.book, query->after);
    struct list *node = page_start(call, head, last ? &last->by_age : NULL, key_of_vm);
    for (; node != head; node = node->next) {
        const struct book_vm *it = container_of(node, struct book_vm, by_age);
        const struct vm *vm = &it->record;
        if ((*query->host && !text_equal(vm->place, query->host)) ||
            (*query->upstream && !text_equal(vm->owner, query->upstream)))
            continue;
        struct hosted_vm hosted = hosted_vm(call, it);
        if (!page_add(&page, &hosted))
            return;
    }
}

static void show_vm(const struct call *call) {
    const struct book_vm *vm = book_vm(&call->downstream->manager.book, call->request->key);
    if (!vm) {
        call_not_found(call, "vm");
        return;
    }
    struct hosted_vm hosted = hosted_vm(call, vm);
    call_answer(call, REPLY_RECORD, &hosted_vm_table, &hosted);
}

static bool add_op(const struct call *call, struct page *page, const struct book_op *op) {
    const struct list_query *query = &call->request->list;
    if ((*query->vm && !text_equal(op->record.vm, query->vm)) ||
        (*query->upstream && !text_equal(op->record.owner, query->upstream)))
        return true;
    struct operation told =
        explain_op(&call->downstream->manager.downlink, op, EXPLAIN_TO_OPERATOR);
    bool more = page_add(page, &told);
    record_clear(&hosted_operation_table, &told);
    return more;
}

/* First those that have ended and are kept, then those in the books. A row of the former that is
 * gone was the first of them: the page goes on where they begin. */
static void list_ops(const struct call *call) {
    struct book *book = &call->downstream->manager.book;
    struct page page = page_begin(call, &hosted_operation_table);
    const char *after = call->request->list.after;
    const struct book_op *current = book_op(book, after), *last = book_op_told(book, after);
    struct list *node = !last || current ? book->kept.next : last->by_age.next;
    for (; !current && node != &book->kept; node = node->next)
        if (!add_op(call, &page, container_of(node, struct book_op, by_age)))
            return;
    node = current ? current->by_age.next : book->ops.next;
    for (; node != &book->ops; node = node->next)
        if (!add_op(call, &page, container_of(node, struct book_op, by_age)))
            return;
}

static void show_op(const struct call *call) {
    const struct downstream *downstream = call->downstream;
    const struct book_op *op = book_op_told(&downstream->manager.book, call->request->key);
    if (!op) {
        call_problem(call, CODE_NOT_FOUND, "operation", "there is no operation '%s' here, or it "
                     "has ended long ago", call->request->key);
        return;
    }
    struct operation told = explain_op(&downstream->manager.downlink, op, EXPLAIN_TO_OPERATOR);
    call_answer(call, REPLY_RECORD, &hosted_operation_table, &told);
    record_clear(&hosted_operation_table, &told);
}

/* False: there is a word that is no verb, and that is answered. */
static bool take_permissions(const struct call *call, struct patron *patron) {
    const struct permissions *permissions = &call->request->permissions;
    const char *unknown = permissions_unknown_verb(permissions);
    if (unknown)
        call_problem(call, CODE_INVALID, "verbs", "there is no verb '%.20s' that goes down",
                     unknown);
    else
        set_permissions(patron, LIMITS_SET, permissions);
    return !unknown;
}

/* False: it is too late for that, and that is answered. */
static bool restore(const struct call *call, struct patron *patron) {
    bool restored = downstream_restore(patron);
    if (!restored)
        call_problem(call, CODE_CONFLICT, "upstream",
                     "the grace of '%s' is over and its VMs are being deleted; it can be "
                     "restored when none is left", patron->uplink.setting.name);
    return restored;
}

/* False: nothing is changed, and that is answered. */
static bool change_lending(const struct call *call, struct patron *patron) {
    const struct request *request = call->request;
    if (request->kind == REQUEST_LIMITS_SET) {
        patron->from = LIMITS_SET;
        patron->limits = request->limits;
    } else if (request->kind == REQUEST_LIMITS_RESET) {
        patron->from = LIMITS_CONFIGURED;
        patron->limits = patron->configured;
    } else if (request->kind == REQUEST_SHARE_SET) {
        downstream_set_share(call->downstream, patron, LIMITS_SET, &request->share);
    } else if (request->kind == REQUEST_SHARE_RESET) {
        downstream_set_share(call->downstream, patron, LIMITS_CONFIGURED,
                             &patron->share_configured);
    } else if (request->kind == REQUEST_PERMISSIONS_SET) {
        return take_permissions(call, patron);
    } else if (request->kind == REQUEST_PERMISSIONS_RESET) {
        set_permissions(patron, LIMITS_CONFIGURED, &patron->permissions_configured);
    } else if (request->kind == REQUEST_UPSTREAM_REVOKE) {
        uint64_t grace_ms = (uint64_t)request->revocation.grace_seconds * 1000;
        downstream_revoke(patron, grace_ms);
    } else if (request->kind == REQUEST_UPSTREAM_RESTORE) {
        return restore(call, patron);
    }
    return true;
}

static void on_lending(const struct call *call) {
    struct patron *patron = downstream_patron(call->downstream, call->request->key);
    if (!patron) {
        call_not_found(call, "upstream");
        return;
    }
    if (call->request->kind != REQUEST_UPSTREAM_SHOW) {
        if (!change_lending(call, patron))
            return;
        save_lending(patron);
        uplink_capacity_changed(&patron->uplink);
        call->downstream->manager.downlink.changed =
            true; /* what is kept for one is not another's */
    }
    answer_lending(call, patron);
}

static void on_enrol(const struct call *call) {
    struct manager *manager = &call->downstream->manager;
    enrol_on_request(
        &(struct enrol_call){call, &manager->enrol, &manager->downlink, &manager->ids});
}

void downstream_on_request(struct downstream *downstream, const struct event *event) {
    static void (*const handlers[REQUEST_KIND_COUNT])(const struct call *) = {
        [REQUEST_VM_LIST] = list_vms,
        [REQUEST_VM_SHOW] = show_vm,
        [REQUEST_OP_LIST] = list_ops,
        [REQUEST_OP_SHOW] = show_op,
        [REQUEST_HOST_LIST] = list_hosts,
        [REQUEST_HOST_SHOW] = downstream_on_host,
        [REQUEST_HOST_CORDON] = downstream_on_host,
        [REQUEST_HOST_UNCORDON] = downstream_on_host,
        [REQUEST_HOST_DRAIN] = downstream_on_host,
        [REQUEST_HOST_MAINTAIN] = downstream_on_host,
        [REQUEST_HOST_END_MAINTENANCE] = downstream_on_host,
        [REQUEST_HOST_LABEL] = downstream_on_host,
        [REQUEST_HOST_OVERCOMMIT] = downstream_on_host,
        [REQUEST_HOST_FORGET] = downstream_on_host,
        [REQUEST_UPSTREAM_LIST] = list_lendings,
        [REQUEST_UPSTREAM_SHOW] = on_lending,
        [REQUEST_LIMITS_SET] = on_lending,
        [REQUEST_LIMITS_RESET] = on_lending,
        [REQUEST_SHARE_SET] = on_lending,
        [REQUEST_SHARE_RESET] = on_lending,
        [REQUEST_PERMISSIONS_SET] = on_lending,
        [REQUEST_PERMISSIONS_RESET] = on_lending,
        [REQUEST_UPSTREAM_REVOKE] = on_lending,
        [REQUEST_UPSTREAM_RESTORE] = on_lending,
        [REQUEST_TOKEN_CREATE] = on_enrol,
        [REQUEST_TOKEN_LIST] = on_enrol,
        [REQUEST_TOKEN_REVOKE] = on_enrol,
        [REQUEST_KEY_REVOKE] = on_enrol,
    };
    const struct call call = {
        .moment = &downstream->manager.moment, .request = event->request, .downstream = downstream};
    if (downstream->manager.stopping)
        call_problem(&call, CODE_SHUTTING_DOWN, "", "%s", "the manager is stopping");
    else if (handlers[event->request->kind])
        handlers[event->request->kind](&call);
    else
        call_problem(&call, CODE_UNSUPPORTED, "", "an upstream manager is asked this, not %s",
                     "a cluster's owner");
}
