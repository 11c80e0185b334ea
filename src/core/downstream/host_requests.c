/* What the owner asks and decides of one host. */
#include "core/downstream/host_requests.h"

#include "base/memory.h"
#include "core/below/lend.h"
#include "core/downstream/hosts.h"
#include "core/downstream/lending.h"

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
    const char *labels = peer_labels(peer);
    struct owned_host host = {.state = peer->state, .seen_ms = peer->seen_ms,
                              .cordoned_ms = peer->cordoned_ms, .duty = peer->duty,
                              .labels = labels ? memory_text(labels) : NULL,
                              .labels_from = peer->labels_from,
                              .overcommit = peer_overcommit(peer),
                              .networks = memory_text(peer->networks),
                              .capacity = peer_capacity(peer)};
    struct list *node = NULL, *next = NULL;
    text_set(host.name, peer->setting.name);
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
    return true;
}

static bool change(const struct call *call, struct peer *peer) {
    const struct request *request = call->request;
    if (request->kind == REQUEST_HOST_SHOW)
        return true;
    if (request->kind == REQUEST_HOST_FORGET)
        return forget_host(call, peer);
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
