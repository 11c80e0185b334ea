/* What the owner asks and decides of one host. */
#include "core/below/claims.h"
#include "core/downstream/host_requests.h"

#include "base/memory.h"
#include "core/above/instruct.h"
#include "core/above/uplink.h"
#include "core/below/belief.h"
#include "core/below/lend.h"
#include "core/books/reshape.h"
#include "core/downstream/hosts.h"
#include "core/downstream/lending.h"
#include "core/manager/leftovers.h"
#include "core/manager/operations.h"
#include "core/manager/recover.h"

static void save_host(struct peer *peer) {
    struct host_decision record = {.cordoned_ms = peer->cordoned_ms,
                                   .duty = peer->duty,
                                   .labels_from = peer->labels_from,
                                   .labels = peer->labels, /* borrowed */
                                   .overcommit = peer->overcommit};
    text_set(record.name, peer->setting.name);
    if (record.cordoned_ms || record.labels_from || record.overcommit.cpus_percent ||
        record.overcommit.memory_percent)
        effects_save(peer->downlink->moment->out, &host_decision_table, &record);
    else
        effects_forget(peer->downlink->moment->out, &host_decision_table, record.name);
}

/* Each VM there gets its answer anew. */
static void set_duty(struct downstream *downstream, struct peer *peer, enum host_duty duty) {
    peer->duty = duty;
    list_for(struct book_vm, vm, &peer->vms, by_place) {
        downstream_vm(vm)->stays = STAY_UNDECIDED;
        downstream_vm(vm)->failed_ms = 0;
        downstream_vm(vm)->failures = 0;
    }
    downlink_cordon(peer,
                    peer->cordoned_ms ? peer->cordoned_ms : downstream->manager.moment.wall_ms);
    downstream_drain_soon(downstream);
}

static void open_again(struct peer *peer) {
    peer->duty = DUTY_CORDON;
    downlink_cordon(peer, 0);
}

void downstream_load_host(struct downstream *downstream, const struct host_decision *record) {
    struct peer *peer = downlink_by_name(&downstream->manager.downlink, record->name);
    if (!peer)
        return;
    peer->duty = record->duty;
    peer->overcommit = record->overcommit;
    peer_set_labels(peer, record->labels_from, record->labels);
    downlink_cordon(peer, record->cordoned_ms);
}

static void count_remaining(const struct peer *peer, struct owned_host *host) {
    uint64_t counts[STAY_COUNT] = {0};
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &peer->vms)
        counts[downstream_vm(container_of(node, struct book_vm, by_place))->stays]++;
    for (int why = 0; why < STAY_COUNT; why++) {
        if (!counts[why])
            continue;
        host->remaining = memory_resize(host->remaining, (host->remaining_count + 1) *
                                                             sizeof(*host->remaining));
        host->remaining[host->remaining_count++] =
            (struct remainder){(enum stay)why, counts[why]};
    }
}

struct owned_host downstream_show_host(const struct peer *peer) {
    const struct manager *manager = container_of(peer->downlink, struct manager, downlink);
    const char *labels = peer_labels(peer);
    struct owned_host host = {.state = peer->state, .seen_ms = peer->seen_ms,
                              .cordoned_ms = peer->cordoned_ms, .duty = peer->duty,
                              .labels = labels ? memory_text(labels) : NULL,
                              .labels_from = peer->labels_from,
                              .overcommit = peer_overcommit(peer),
                              .networks = memory_text(peer->networks),
                              .overclaims = peer->overclaims,
                              .unreadable = peer->unreadable,
                              .capacity = peer_capacity(peer),
                              .disk_full = peer->capacity.disk_full,
                              .conflict = belief_conflict(peer),
                              .guarded = peer_is_up(peer) && peer->guarded,
                              .lease = recover_lease(manager, peer),
                              .lease_ends_ms = recover_lease_ends_ms(manager, peer),
                              .owed = recover_count_owed(manager, peer),
                              .evictions = recover_count_evictions(manager, peer)};
    host.conflict_ms = host.conflict ? peer->conflict_ms : 0;
    struct list *node = NULL, *next = NULL;
    text_set(host.name, peer->setting.name);
    text_set(host.software, peer->software);
    list_each(node, next, &peer->vms)
        host.vms++;
    if (peer_is_emptied(peer))
        count_remaining(peer, &host);
    return host;
}

/* False: it is not for now, and that is answered. */
static bool change_duty(const struct call *call, struct peer *peer) {
    static const enum host_duty duties[REQUEST_KIND_COUNT] = {
        [REQUEST_HOST_DRAIN] = DUTY_DRAIN, [REQUEST_HOST_MAINTAIN] = DUTY_MAINTENANCE};
    enum request_kind kind = call->request->kind;
    bool maintained = peer->cordoned_ms && peer->duty == DUTY_MAINTENANCE;
    if (maintained && kind != REQUEST_HOST_MAINTAIN && kind != REQUEST_HOST_END_MAINTENANCE) {
        call_problem(call, CODE_CONFLICT, "host", "host '%s' is in maintenance; end that first",
                     peer->setting.name);
        return false;
    }
    if (kind == REQUEST_HOST_CORDON && peer->cordoned_ms && peer->duty == DUTY_CORDON)
        return true;
    if (kind == REQUEST_HOST_UNCORDON || (kind == REQUEST_HOST_END_MAINTENANCE && maintained))
        open_again(peer);
    else if (kind != REQUEST_HOST_END_MAINTENANCE)
        set_duty(call->downstream, peer, duties[kind]);
    save_host(peer);
    return true;
}

static bool forget_host(const struct call *call, struct peer *peer) {
    if (peer_is_up(peer)) {
        call_problem(call, CODE_CONFLICT, "host", "host '%s' is connected: it is not gone",
                     peer->setting.name);
        return false;
    }
    downstream_write_off(call->downstream, peer);
    belief_forget(peer);
    return true;
}

static bool accept_host(const struct call *call, struct peer *peer) {
    bool accepted = downlink_accept(peer);
    if (!accepted)
        call_problem(call, CODE_CONFLICT, "host", "host '%s' has not come with another store: "
                     "there is nothing to accept", peer->setting.name);
    return accepted;
}

/* A person's word on a host that is not heard; false: it does not fit, and that is answered. */
static bool recover_host(const struct call *call, struct peer *peer) {
    struct manager *manager = &call->downstream->manager;
    bool is_off = call->request->kind == REQUEST_HOST_DECLARE_OFF;
    if (peer_is_up(peer)) {
        call_problem(call, CODE_CONFLICT, "host", "host '%s' is connected: it is not %s",
                     peer->setting.name, is_off ? "off" : "lost");
        return false;
    }
    if (!is_off && recover_lease(manager, peer) != LEASE_HELD) {
        call_problem(call, CODE_CONFLICT, "host", "nothing of host '%s' is held back",
                     peer->setting.name);
        return false;
    }
    effects_note(manager->moment.out, NOTE_WARNING, "",
                 is_off ? "the owner says that host %s is off: its VMs run there no more"
                        : "the owner says that VMs of host %s are to be restarted elsewhere",
                 peer->setting.name);
    recover_now(manager, peer, is_off ? RECOVER_OFF : RECOVER_HELD);
    return true;
}

static bool change(const struct call *call, struct peer *peer) {
    const struct request *request = call->request;
    if (request->kind == REQUEST_HOST_SHOW)
        return true;
    if (request->kind == REQUEST_HOST_FORGET)
        return forget_host(call, peer);
    if (request->kind == REQUEST_HOST_ACCEPT)
        return accept_host(call, peer);
    if (request->kind == REQUEST_HOST_DECLARE_OFF || request->kind == REQUEST_HOST_RECOVER)
        return recover_host(call, peer);
    if (request->kind != REQUEST_HOST_LABEL && request->kind != REQUEST_HOST_OVERCOMMIT)
        return change_duty(call, peer);
    if (request->kind == REQUEST_HOST_LABEL)
        peer_set_labels(peer, ORIGIN_SET, request->host_labels.labels);
    else
        peer_set_overcommit(peer, &request->overcommit);
    save_host(peer);
    return true;
}

void downstream_on_host(const struct call *call) {
    struct peer *peer = downlink_by_name(&call->downstream->manager.downlink, call->request->key);
    if (!peer) {
        call_not_found(call, "host");
        return;
    }
    if (!change(call, peer))
        return;
    struct owned_host host = downstream_show_host(peer);
    call_answer(call, REPLY_RECORD, &host_table, &host);
    record_clear(&host_table, &host);
}

/* Whose it becomes: whoever is named, or the only one there is. NULL, and that is answered. */
static struct lending *adopter(const struct call *call) {
    struct downstream *downstream = call->downstream;
    const char *name = call->request->leftover.asker;
    struct lending *only = downstream->lendings_count == 1 ? downstream->lendings : NULL;
    struct lending *lending = *name ? downstream_lending(downstream, name) : only;
    if (!lending)
        call_problem(call, *name ? CODE_NOT_FOUND : CODE_INVALID, "upstream",
                     *name ? "there is no upstream '%s'" : "say whose it is%s", name);
    return lending;
}

static struct book_vm *add_adopted(struct downstream *downstream, const struct lending *lending,
                                   const struct left *left) {
    uint64_t now = downstream->manager.moment.wall_ms;
    struct stored_vm record = {.vm = {.size = left->is.size, .state = left->is.state, .epoch = 1,
                                      .generation = 1, .created_ms = now, .changed_ms = now}};
    text_set(record.vm.id, left->is.vm);
    text_set(record.vm.name, left->is.vm);
    text_set(record.vm.asker, lending->uplink.setting.name);
    text_set(record.vm.digest, left->is.image);
    reshape_take_in(&record, left->is.networks);
    return book_add_vm(&downstream->manager.book, &record);
}

/* What those above are told of it makes it theirs again. */
static void tell_adopted(struct downstream *downstream, struct book_vm *vm) {
    struct lending *lending = downstream_lending(downstream, vm->record.asker);
    downstream_count(downstream, vm);
    downstream->manager.downlink.changed = true;
    downstream_drain_soon(downstream); /* the host may be one that is to be empty */
    book_save_vm(&downstream->manager.book, vm);
    if (!lending)
        return;
    uplink_capacity_changed(&lending->uplink);
    uplink_send_facts(&lending->uplink, vm);
}

void downstream_adopt(const struct call *call) {
    struct downstream *downstream = call->downstream;
    struct peer *peer = NULL;
    struct left *left = leftovers_find(call, &downstream->manager, &peer);
    struct book_vm *vm = left ? book_vm(&downstream->manager.book, left->is.vm) : NULL;
    if (!left || !leftovers_may_be_taken(call, left, vm))
        return;
    struct lending *lending = vm ? NULL : adopter(call);
    if (!vm && !lending)
        return;
    call_answer(call, REPLY_RECORD, &leftover_table, &left->is);
    if (!vm)
        vm = add_adopted(downstream, lending, left);
    enum vm_state state = left->is.state;
    leftovers_take_in(peer, left, vm);
    manager_set_state(&downstream->manager, vm, state);
    tell_adopted(downstream, vm);
}
