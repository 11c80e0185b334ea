/* The owner's API: what the cluster's owner asks and decides. Nothing here goes up but what becomes
 * of the aggregate. */
#include "base/text.h"
#include "core/call.h"
#include "core/downstream_parts.h"

static void save_host(const struct peer *peer, struct effects *out) {
    struct host_decision record = {.cordoned_ms = peer->cordoned_ms};
    (void)text_copy(record.name, sizeof(record.name), peer->setting.name);
    if (peer->cordoned_ms)
        effects_save(out, &host_decision_table, &record);
    else
        effects_forget(out, &host_decision_table, record.name);
}

void downstream_load_host(struct downstream *downstream, const struct host_decision *record) {
    struct peer *peer = downlink_by_name(&downstream->downlink, record->name);
    if (peer)
        downlink_cordon(&downstream->downlink, peer, record->cordoned_ms);
}

static void save_lending(const struct patron *patron, struct effects *out) {
    struct lending_decision record = {.from = patron->from, .limits = patron->limits};
    (void)text_copy(record.name, sizeof(record.name), patron->uplink.setting.name);
    if (patron->from == LIMITS_SET)
        effects_save(out, &lending_decision_table, &record);
    else
        effects_forget(out, &lending_decision_table, record.name);
}

void downstream_load_lending(struct downstream *downstream,
                             const struct lending_decision *record) {
    struct patron *patron = downstream_patron(downstream, record->name);
    if (!patron || record->from != LIMITS_SET)
        return;
    patron->from = record->from;
    patron->limits = record->limits;
}

/* A copy for the owner's eyes; the caller clears it. */
static struct owned_host show_host(const struct peer *peer) {
    struct owned_host host = {.state = peer->state, .seen_ms = peer->seen_ms,
                              .cordoned_ms = peer->cordoned_ms};
    struct list *node = NULL, *next = NULL;
    (void)text_copy(host.name, sizeof(host.name), peer->setting.name);
    record_clone(&capacity_table, &peer->capacity, &host.capacity);
    list_each(node, next, &peer->vms)
        host.vms++;
    return host;
}

static uint64_t above(uint64_t used, uint64_t limit) {
    return limit && used > limit ? used - limit : 0;
}

static struct lending show_lending(const struct patron *patron) {
    const struct owner_limits *limits = &patron->limits, *used = &patron->used;
    struct lending lending = {
        .state = uplink_is_open(&patron->uplink) ? PEER_UP : PEER_AWAY,
        .seen_ms = patron->seen_ms,
        .from = patron->from,
        .limits = *limits,
        .configured = patron->configured,
        .used = *used,
        .over = {above(used->vms, limits->vms), above(used->cpus, limits->cpus),
                 above(used->memory_mib, limits->memory_mib),
                 above(used->disk_gib, limits->disk_gib)},
    };
    (void)text_copy(lending.name, sizeof(lending.name), patron->uplink.setting.name);
    return lending;
}

static void answer_host(const struct call *call, const struct peer *peer) {
    struct owned_host host = show_host(peer);
    call_answer(call, REPLY_RECORD, &host_table, &host);
    record_clear(&host_table, &host);
}

static void answer_lending(const struct call *call, const struct patron *patron) {
    struct lending lending = show_lending(patron);
    call_answer(call, REPLY_RECORD, &lending_table, &lending);
}

static void list_hosts(const struct call *call) {
    struct page page = page_begin(call, &host_table);
    const struct downlink *downlink = &call->downstream->downlink;
    bool passed = false, more = true;
    for (size_t i = 0; i < downlink->count && more; i++) {
        if (page_skips(call, downlink->peers[i].setting.name, &passed))
            continue;
        struct owned_host host = show_host(&downlink->peers[i]);
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

static struct hosted_vm hosted_vm(const struct vm *vm) {
    struct hosted_vm hosted = {.size = vm->size,
                               .state = vm->state,
                               .created_ms = vm->created_ms,
                               .changed_ms = vm->changed_ms};
    (void)text_copy(hosted.id, sizeof(hosted.id), vm->id);
    (void)text_copy(hosted.name, sizeof(hosted.name), vm->name);
    (void)text_copy(hosted.upstream, sizeof(hosted.upstream), vm->owner);
    (void)text_copy(hosted.host, sizeof(hosted.host), vm->place);
    (void)text_copy(hosted.shape, sizeof(hosted.shape), vm->shape);
    (void)text_copy(hosted.digest, sizeof(hosted.digest), vm->digest);
    (void)text_copy(hosted.op, sizeof(hosted.op), vm->op);
    return hosted;
}

static void list_vms(const struct call *call) {
    struct page page = page_begin(call, &hosted_vm_table);
    struct list *head = &call->downstream->book.vms;
    const struct list_query *query = &call->request->list;
    const struct book_vm *last = book_vm(&call->downstream->book, query->after);
    struct list *node = page_start(call, head, last ? &last->by_age : NULL, key_of_vm);
    for (; node != head; node = node->next) {
        const struct vm *vm = &container_of(node, struct book_vm, by_age)->record;
        if ((*query->host && !text_equal(vm->place, query->host)) ||
            (*query->upstream && !text_equal(vm->owner, query->upstream)))
            continue;
        struct hosted_vm hosted = hosted_vm(vm);
        if (!page_add(&page, &hosted))
            return;
    }
}

static void show_vm(const struct call *call) {
    const struct book_vm *vm = book_vm(&call->downstream->book, call->request->key);
    if (!vm) {
        call_not_found(call, "vm");
        return;
    }
    struct hosted_vm hosted = hosted_vm(&vm->record);
    call_answer(call, REPLY_RECORD, &hosted_vm_table, &hosted);
}

static void on_host(const struct call *call) {
    struct downlink *downlink = &call->downstream->downlink;
    struct peer *peer = downlink_by_name(downlink, call->request->key);
    bool cordon = call->request->kind == REQUEST_HOST_CORDON;
    if (!peer) {
        call_not_found(call, "host");
        return;
    }
    if (call->request->kind != REQUEST_HOST_SHOW && cordon != (peer->cordoned_ms != 0)) {
        downlink_cordon(downlink, peer, cordon ? call->event->wall_ms : 0);
        save_host(peer, call->out);
    }
    answer_host(call, peer);
}

static void on_lending(const struct call *call) {
    struct patron *patron = downstream_patron(call->downstream, call->request->key);
    enum request_kind kind = call->request->kind;
    if (!patron) {
        call_not_found(call, "upstream");
        return;
    }
    if (kind != REQUEST_UPSTREAM_SHOW) {
        patron->from = kind == REQUEST_LIMITS_SET ? LIMITS_SET : LIMITS_CONFIGURED;
        patron->limits =
            kind == REQUEST_LIMITS_SET ? call->request->limits : patron->configured;
        save_lending(patron, call->out);
        uplink_capacity_changed(&patron->uplink, call->event);
    }
    answer_lending(call, patron);
}

void downstream_on_request(struct downstream *downstream, const struct event *event,
                           struct effects *out) {
    const struct call call = {
        .event = event, .request = event->request, .out = out, .downstream = downstream};
    const struct enrol_call enrol = {&call, &downstream->enrol, &downstream->downlink,
                                     &downstream->ids};
    static void (*const handlers[REQUEST_KIND_COUNT])(const struct call *) = {
        [REQUEST_VM_LIST] = list_vms,         [REQUEST_VM_SHOW] = show_vm,
        [REQUEST_HOST_LIST] = list_hosts,     [REQUEST_HOST_SHOW] = on_host,
        [REQUEST_HOST_CORDON] = on_host,      [REQUEST_HOST_UNCORDON] = on_host,
        [REQUEST_UPSTREAM_LIST] = list_lendings, [REQUEST_UPSTREAM_SHOW] = on_lending,
        [REQUEST_LIMITS_SET] = on_lending,    [REQUEST_LIMITS_RESET] = on_lending,
    };
    if (downstream->stopping)
        call_problem(&call, CODE_SHUTTING_DOWN, "", "%s", "the manager is stopping");
    else if (enrol_answers(event->request->kind))
        enrol_on_request(&enrol);
    else if (handlers[event->request->kind])
        handlers[event->request->kind](&call);
    else
        call_problem(&call, CODE_UNSUPPORTED, "", "an upstream manager is asked this, not %s",
                     "a cluster's owner");
}
