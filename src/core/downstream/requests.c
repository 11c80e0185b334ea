/* The owner's API: what the cluster's owner asks and decides. Nothing here goes up but what becomes
 * of the aggregate. */
#include "core/downstream/requests.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "core/above/uplink.h"
#include "core/below/explain.h"
#include "core/below/lend.h"
#include "core/books/copies.h"
#include "core/books/ips.h"
#include "core/downstream/host_requests.h"
#include "core/downstream/lending.h"
#include "core/downstream/notify/owner.h"
#include "core/downstream/revoke.h"
#include "core/downstream/share.h"
#include "core/manager/leftovers.h"
#include "core/manager/recover.h"
#include "core/manager/streams.h"
#include "core/manager/tell.h"
#include "message/records/interface.h"

static void save_lending(struct lending *lending) {
    struct lending_decision record = {.from = lending->from,
                                      .permissions_from = lending->permissions_from,
                                      .share_from = lending->share_from,
                                      .revoked_ms = lending->revoked_ms,
                                      .ends_ms = lending->ends_ms};
    text_set(record.name, lending->uplink.setting.name);
    if (lending->from == ORIGIN_SET)
        record.limits = lending->limits;
    if (lending->permissions_from == ORIGIN_SET)
        record.permissions = lending->permissions; /* borrowed */
    if (lending->share_from == ORIGIN_SET)
        record.share = lending->share;
    if (record.from == ORIGIN_SET || record.permissions_from == ORIGIN_SET ||
        record.share_from == ORIGIN_SET || record.revoked_ms)
        effects_save(lending->uplink.moment->out, &lending_decision_table, &record);
    else
        effects_forget(lending->uplink.moment->out, &lending_decision_table, record.name);
}

static void set_permissions(struct lending *lending, enum origin from,
                            const struct permissions *permissions) {
    record_clear(&permissions_table, &lending->permissions);
    record_clone(&permissions_table, permissions, &lending->permissions);
    lending->permissions_from = from;
    lending_apply_views(lending);
}

void downstream_load_lending(struct downstream *downstream, const struct lending_decision *record) {
    struct lending *lending = downstream_lending(downstream, record->name);
    if (!lending)
        return;
    if (record->from == ORIGIN_SET)
        lending->limits = record->limits;
    lending->from = record->from;
    if (record->permissions_from == ORIGIN_SET)
        set_permissions(lending, ORIGIN_SET, &record->permissions);
    if (record->share_from == ORIGIN_SET)
        downstream_set_share(downstream, lending, ORIGIN_SET, &record->share);
    if (!record->revoked_ms)
        return;
    /* A clock that jumped cannot stretch the grace. */
    uint64_t grace = record->ends_ms > record->revoked_ms ? record->ends_ms - record->revoked_ms
                                                          : 0;
    uint64_t left = record->ends_ms > downstream->manager.moment.wall_ms
                        ? record->ends_ms - downstream->manager.moment.wall_ms
                        : 0;
    downstream_revoke(lending, left < grace ? left : grace);
    lending->revoked_ms = record->revoked_ms;
    lending->ends_ms = record->ends_ms;
}

static uint64_t above(uint64_t used, uint64_t limit) {
    return limit && used > limit ? used - limit : 0;
}

/* Its permissions, and what it was told, are the asker's: not to be cleared. */
static struct owned_lending show_lending(const struct lending *lending) {
    const struct amounts *limits = &lending->limits, *used = &lending->used;
    struct owned_lending shown = {
        .state = uplink_is_open(&lending->uplink) ? PEER_UP : PEER_AWAY,
        .seen_ms = lending->seen_ms,
        .from = lending->from,
        .permissions_from = lending->permissions_from,
        .permissions = lending->permissions,
        .share_from = lending->share_from,
        .share = lending->share,
        .phase = lending->phase,
        .revoked_ms = lending->revoked_ms,
        .ends_ms = lending->ends_ms,
        .unreadable = lending->uplink.unreadable,
        .limits = *limits,
        .configured = lending->configured,
        .used = *used,
        .told = lending->uplink.told,
        .over = {above(used->vms, limits->vms), above(used->cpus, limits->cpus),
                 above(used->memory_mib, limits->memory_mib),
                 above(used->disk_gib, limits->disk_gib)},
    };
    text_set(shown.name, lending->uplink.setting.name);
    return shown;
}

static void answer_lending(const struct call *call, const struct lending *lending) {
    struct owned_lending shown = show_lending(lending);
    call_answer(call, REPLY_RECORD, &owned_lending_table, &shown);
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
    struct page page = page_begin(call, &owned_lending_table);
    bool passed = false;
    for (size_t i = 0; i < call->downstream->lendings_count; i++) {
        struct owned_lending shown = show_lending(&call->downstream->lendings[i]);
        if (!page_skips(call, shown.name, &passed) && !page_add(&page, &shown))
            return;
    }
}

static const char *key_of_vm(const struct list *node) {
    return container_of(node, const struct book_vm, by_age)->record.id;
}

/* What it points to is the record's and the caller's. */
static struct hosted_vm hosted_vm(const struct call *call, const struct book_vm *it,
                                  struct interfaces_shown *space) {
    const struct vm *vm = &it->record;
    const struct peer *peer = downlink_by_name(&call->downstream->manager.downlink, vm->place);
    struct hosted_vm hosted = {
        .size = vm->size,
        .state = vm->state,
        .unheard_ms = explain_unheard_ms(&call->downstream->manager.downlink, vm),
        .on_drain = downstream_vm(it)->template ? downstream_vm(it)->template->definition.on_drain
                                                : ON_DRAIN_STAY,
        .on_loss = vm->on_loss,
        .restarts = vm->restarts,
        .restarted_ms = vm->restarted_ms,
        .restart_from = vm->restart_from,
        .restored_ms = vm->restored_ms,
        .copies = vm->copies,
        .copies_count = vm->copies_count,
        .copy_every_s = vm->copy_every_s,
        .copy_max_age_s = vm->copy_max_age_s,
        .copy_late = vm->copy_late,
        .lacks_copy = copies_are_lacking(it),
        .move = it->stored.move,
        .stays = peer && peer_is_emptied(peer) ? downstream_vm(it)->stays : STAY_UNDECIDED,
        .created_ms = vm->created_ms,
        .changed_ms = vm->changed_ms,
        .networks = interfaces_show(vm->networks, space->networks),
        .allow = vm->allow,
        .interfaces = space->items};
    if (call->downstream->hash)
        hosted.interfaces_count =
            interfaces_of(call->downstream->hash, vm->id, vm->networks, space->items);
    ips_show(vm, space->items, hosted.interfaces_count);
    text_set(hosted.id, vm->id);
    text_set(hosted.name, vm->name);
    text_set(hosted.upstream, vm->asker);
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
    bool is_newest = query->sort == SORT_NEWEST;
    struct list *node = (is_newest ? page_start_newest : page_start)(
        call, head, last ? &last->by_age : NULL, key_of_vm);
    for (; node != head; node = is_newest ? node->previous : node->next) {
        const struct book_vm *it = container_of(node, struct book_vm, by_age);
        const struct vm *vm = &it->record;
        if ((*query->host && !text_equal(vm->place, query->host)) ||
            (*query->upstream && !text_equal(vm->asker, query->upstream)))
            continue;
        struct interfaces_shown space;
        struct hosted_vm hosted = hosted_vm(call, it, &space);
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
    struct interfaces_shown space;
    struct hosted_vm hosted = hosted_vm(call, vm, &space);
    call_answer(call, REPLY_RECORD, &hosted_vm_table, &hosted);
}

static struct hosted_stream hosted_stream(const struct call *call, const struct stream *stream) {
    const struct moment *moment = &call->downstream->manager.moment;
    struct hosted_stream hosted = {
        .to = open_to(&stream->viewer.open),
        .port = stream->viewer.open.port,
        .state = stream->state,
        .asked_ms = stream->asked_ms,
        .ends_ms = moment->wall_ms + (stream->asked.due_ms - moment->now_ms),
    };
    text_format(hosted.id, sizeof(hosted.id), "%" PRIu64, stream->asked.number);
    text_set(hosted.vm, stream->asked.vm);
    text_set(hosted.upstream, stream->viewer.uplink->setting.name);
    text_set(hosted.host, stream->asked.peer->setting.name);
    return hosted;
}

static void list_streams(const struct call *call) {
    struct page page = page_begin(call, &hosted_stream_table);
    const struct list_query *query = &call->request->list;
    bool passed = false;
    list_for(struct stream, stream, &call->downstream->manager.streams.all, asked.node) {
        struct hosted_stream hosted = hosted_stream(call, stream);
        bool is_listed = (!*query->vm || text_equal(hosted.vm, query->vm)) &&
                         (!*query->upstream || text_equal(hosted.upstream, query->upstream));
        if (!page_skips(call, hosted.id, &passed) && is_listed && !page_add(&page, &hosted))
            return;
    }
}

static void cut_stream(const struct call *call) {
    struct manager *manager = &call->downstream->manager;
    list_for(struct stream, stream, &manager->streams.all, asked.node) {
        struct hosted_stream hosted = hosted_stream(call, stream);
        if (!text_equal(hosted.id, call->request->key))
            continue;
        call_answer(call, REPLY_GONE, &hosted_stream_table, &hosted);
        streams_cut(manager, stream);
        return;
    }
    call_not_found(call, "stream");
}

static bool is_listed(const struct page *page, const struct book_op *op) {
    const struct list_query *query = &page->filter.query;
    return (!*query->vm || text_equal(op->record.vm, query->vm)) &&
           (!*query->upstream || text_equal(op->record.asker, query->upstream)) &&
           (!*query->after || strcmp(op->record.id, query->after) < 0) &&
           filter_fits(&page->filter, &op->record);
}

/* The newest operations, the newest first, as many as there is room for. */
struct newest {
    const struct book_op **ops;
    size_t count, most;
};

static void newest_take(struct newest *newest, const struct book_op *op) {
    size_t at = newest->count;
    if (at == newest->most && strcmp(newest->ops[at - 1]->record.id, op->record.id) > 0)
        return;
    newest->count += at < newest->most;
    for (at = newest->count - 1; at && strcmp(newest->ops[at - 1]->record.id, op->record.id) < 0;
         at--)
        newest->ops[at] = newest->ops[at - 1];
    newest->ops[at] = op;
}

/* From its end, where the newest are. */
static void newest_take_all(struct newest *newest, const struct page *page,
                            const struct list *head) {
    for (const struct list *node = head->previous; node != head; node = node->previous) {
        const struct book_op *op = container_of(node, const struct book_op, by_age);
        if (is_listed(page, op))
            newest_take(newest, op);
    }
}

/* Those in the books and those that have ended and are kept, by their ids alone: one that ends
 * while somebody pages keeps its place. */
static void list_ops(const struct call *call) {
    const struct book *book = &call->downstream->manager.book;
    struct page page = page_begin(call, &hosted_operation_table);
    struct newest newest = {.most = (size_t)page.limit + 1};
    newest.ops = memory_new(newest.most, sizeof(*newest.ops));
    newest_take_all(&newest, &page, &book->ops);
    newest_take_all(&newest, &page, &book->kept);
    bool more = true;
    for (size_t i = 0; i < newest.count && more; i++) {
        struct operation told =
            explain_op(&call->downstream->manager.downlink, newest.ops[i], EXPLAIN_TO_OPERATOR);
        more = page_add(&page, &told);
        record_clear(&hosted_operation_table, &told);
    }
    memory_free(newest.ops);
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

/* False: there is a word that says nothing, and that is answered. */
static bool take_permissions(const struct call *call, struct lending *lending) {
    const struct permissions *permissions = &call->request->permissions;
    const char *verb = permissions_unknown_verb(permissions);
    const char *placing = permissions_unknown_placing(permissions);
    const char *view = permissions_unknown_view(permissions);
    if (verb)
        call_problem(call, CODE_INVALID, "verbs", "there is no verb '%.20s' that goes down", verb);
    else if (placing)
        call_problem(call, CODE_INVALID, "placing",
                     "'%.20s' is nothing that is asked of hosts: say apart, host-must, restart, "
                     "anywhere, or none",
                     placing);
    else if (view)
        call_problem(call, CODE_INVALID, "views",
                     "'%.20s' is nothing that is told of VMs: say ips, log, usage, console, "
                     "ports, screen, or none", view);
    else
        set_permissions(lending, ORIGIN_SET, permissions);
    return !verb && !placing && !view;
}

/* False: it is too late for that, and that is answered. */
static bool restore(const struct call *call, struct lending *lending) {
    bool restored = downstream_restore(lending);
    if (!restored)
        call_problem(call, CODE_CONFLICT, "upstream",
                     "the grace of '%s' is over and its VMs are being deleted; it can be "
                     "restored when none is left", lending->uplink.setting.name);
    return restored;
}

/* False: nothing is changed, and that is answered. */
static bool change_lending(const struct call *call, struct lending *lending) {
    const struct request *request = call->request;
    if (request->kind == REQUEST_LIMITS_SET) {
        lending->from = ORIGIN_SET;
        lending->limits = request->limits;
    } else if (request->kind == REQUEST_LIMITS_RESET) {
        lending->from = ORIGIN_CONFIGURED;
        lending->limits = lending->configured;
    } else if (request->kind == REQUEST_SHARE_SET) {
        downstream_set_share(call->downstream, lending, ORIGIN_SET, &request->share);
    } else if (request->kind == REQUEST_SHARE_RESET) {
        downstream_set_share(call->downstream, lending, ORIGIN_CONFIGURED,
                             &lending->share_configured);
    } else if (request->kind == REQUEST_PERMISSIONS_SET) {
        return take_permissions(call, lending);
    } else if (request->kind == REQUEST_PERMISSIONS_RESET) {
        set_permissions(lending, ORIGIN_CONFIGURED, &lending->permissions_configured);
    } else if (request->kind == REQUEST_UPSTREAM_REVOKE) {
        uint64_t grace_ms = (uint64_t)request->revocation.grace_seconds * 1000;
        downstream_revoke(lending, grace_ms);
    } else if (request->kind == REQUEST_UPSTREAM_RESTORE) {
        return restore(call, lending);
    }
    return true;
}

static void on_lending(const struct call *call) {
    struct lending *lending = downstream_lending(call->downstream, call->request->key);
    if (!lending) {
        call_not_found(call, "upstream");
        return;
    }
    if (call->request->kind != REQUEST_UPSTREAM_SHOW) {
        if (!change_lending(call, lending))
            return;
        save_lending(lending);
        uplink_capacity_changed(&lending->uplink);
        call->downstream->manager.downlink.changed =
            true; /* what is kept for one is not another's */
    }
    answer_lending(call, lending);
}

static void list_leftovers(const struct call *call) {
    leftovers_list(call, &call->downstream->manager);
}

static void discard_leftover(const struct call *call) {
    leftovers_discard(call, &call->downstream->manager);
}

static void list_salvage(const struct call *call) {
    recover_list(call, &call->downstream->manager);
}

static void forget_salvage(const struct call *call) {
    recover_forget(call, &call->downstream->manager);
}

static void on_enrol(const struct call *call) {
    struct manager *manager = &call->downstream->manager;
    enrol_on_request(
        &(struct enrol_call){call, &manager->enrol, &manager->downlink, &manager->ids});
}

static void tell_metrics(const struct call *call) {
    const struct downstream *downstream = call->downstream;
    const struct downlink *downlink = &downstream->manager.downlink;
    struct metrics metrics = {0};
    tell_books(&downstream->manager, &metrics);
    for (size_t i = 0; i < downlink->count && i < limit_metrics_things; i++) {
        const struct peer *peer = &downlink->peers[i];
        metrics_add(&metrics, METRIC_HOST_UP, (struct metric_labels){peer->setting.name},
                    peer_is_up(peer));
        metrics_add(&metrics, METRIC_HOST_CORDONED, (struct metric_labels){peer->setting.name},
                    peer->cordoned_ms != 0);
        tell_capacity(&metrics, METRIC_HOST_CPUS, peer->setting.name, &peer->capacity);
    }
    for (size_t i = 0; i < downstream->lendings_count; i++) {
        const struct lending *lending = &downstream->lendings[i];
        const char *name = lending->uplink.setting.name;
        metrics_add(&metrics, METRIC_UPSTREAM_UP, (struct metric_labels){name},
                    uplink_is_open(&lending->uplink));
        tell_used(&metrics, METRIC_LIMIT_USED, name,
                  (struct tell_amounts){&lending->used, &lending->limits});
    }
    metrics_add(&metrics, METRIC_LEFT_OUT, (struct metric_labels){0},
                downlink->count > limit_metrics_things ? downlink->count - limit_metrics_things
                                                       : 0);
    call_answer(call, REPLY_RECORD, &metrics_table, &metrics);
    record_clear(&metrics_table, &metrics);
}

static void tell_owner(const struct call *call) {
    struct whoami whoami = {.role = "owner"};
    call_answer(call, REPLY_RECORD, &whoami_table, &whoami);
}

static void list_audit(const struct call *call) {
    audit_list(call, &call->downstream->manager.audit, NULL, 0);
}

void downstream_on_request(struct downstream *downstream, const struct event *event) {
    static void (*const handlers[REQUEST_KIND_COUNT])(const struct call *) = {
        [REQUEST_WHOAMI] = tell_owner,
        [REQUEST_METRICS] = tell_metrics,
        [REQUEST_AUDIT_LIST] = list_audit,
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
        [REQUEST_HOST_ACCEPT] = downstream_on_host,
        [REQUEST_HOST_DECLARE_OFF] = downstream_on_host,
        [REQUEST_HOST_RECOVER] = downstream_on_host,
        [REQUEST_SALVAGE_LIST] = list_salvage,
        [REQUEST_SALVAGE_FORGET] = forget_salvage,
        [REQUEST_LEFTOVER_LIST] = list_leftovers,
        [REQUEST_LEFTOVER_ADOPT] = downstream_adopt,
        [REQUEST_LEFTOVER_DISCARD] = discard_leftover,
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
        [REQUEST_STREAM_LIST] = list_streams,
        [REQUEST_STREAM_CUT] = cut_stream,
        [REQUEST_TOKEN_CREATE] = on_enrol,
        [REQUEST_TOKEN_LIST] = on_enrol,
        [REQUEST_TOKEN_REVOKE] = on_enrol,
        [REQUEST_KEY_REVOKE] = on_enrol,
        [REQUEST_CONTACT_ADD] = owner_on_contact,
        [REQUEST_CONTACT_LIST] = owner_on_contact,
        [REQUEST_CONTACT_REMOVE] = owner_on_contact,
        [REQUEST_CONTACT_PROVE] = owner_on_contact,
    };
    const struct call call = {
        .moment = &downstream->manager.moment, .request = event->request, .downstream = downstream};
    struct audit_asked asked = {
        .request = event->request, .who = AUDIT_OWNER, .before = call.moment->out->count};
    if (downstream->manager.stopping) {
        call_problem(&call, CODE_SHUTTING_DOWN, "", "%s", "the manager is stopping");
        return;
    }
    if (handlers[event->request->kind])
        handlers[event->request->kind](&call);
    else
        call_problem(&call, CODE_UNSUPPORTED, "", "an upstream manager is asked this, not %s",
                     "a cluster's owner");
    audit_note(&downstream->manager.audit, call.moment, &asked);
}
