/* When a VM counts as dead and as recovered, a cluster as away, and a quota as nearly full. */
#include "core/upstream/notify/happened.h"

enum { nearly_percent = 90, older_ms = 60000 };

static void tell(struct upstream *upstream, struct notice *notice) {
    const char *const askers[] = {notice->tenant, ""};
    notice->at_ms = upstream->manager.moment.wall_ms;
    for (size_t i = *notice->tenant ? 0 : 1; i < array_size(askers); i++) {
        struct contact_entry *contact = NULL;
        while ((contact = deliveries_next(&upstream->manager.deliveries, askers[i], contact)))
            deliveries_tell(&upstream->manager.deliveries, &upstream->manager.moment, contact,
                            notice);
    }
}

void happened_operation(struct upstream *upstream, const struct book_op *op) {
    struct notice notice = {.event = NOTICE_OPERATION_ENDED, .verb = op->record.verb,
                            .code = op->record.code};
    text_set(notice.tenant, op->record.asker);
    text_set(notice.vm, op->record.vm);
    text_set(notice.vm_name, op->record.vm_name);
    text_set(notice.op, op->record.id);
    tell(upstream, &notice);
}

void happened_vm(struct upstream *upstream, struct book_vm *vm) {
    enum vm_state state = vm->record.state;
    struct upstream_vm *own = upstream_vm(vm);
    struct notice notice = {.state = state};
    bool is_dead = upstream_vm_is_dead(&vm->record);
    if (is_dead == own->was_dead || (!is_dead && state != VM_RUNNING))
        return;
    own->was_dead = is_dead;
    notice.event = is_dead ? NOTICE_VM_DIED : NOTICE_VM_RECOVERED;
    text_set(notice.tenant, vm->record.asker);
    text_set(notice.vm, vm->record.id);
    text_set(notice.vm_name, vm->record.name);
    text_set(notice.cluster, vm->record.place);
    tell(upstream, &notice);
}

/* Times that were told as ages differ by a little each time. */
void happened_restart(struct upstream *upstream, const struct book_vm *vm, const char *op) {
    const struct vm *record = &vm->record;
    struct upstream_vm *own = upstream_vm(vm);
    struct notice notice = {.event = NOTICE_VM_RESTARTED, .restored_ms = record->restored_ms};
    bool is_again = record->restarts > own->restarts_told;
    bool is_older = record->restored_ms && record->restored_ms + older_ms < own->restored_told_ms;
    if (!is_again && !is_older)
        return;
    own->restarts_told = record->restarts;
    own->restored_told_ms = record->restored_ms;
    audit_note_restart(&upstream->manager.audit, &upstream->manager.moment, record, op);
    text_set(notice.tenant, record->asker);
    text_set(notice.vm, record->id);
    text_set(notice.vm_name, record->name);
    text_set(notice.cluster, record->place);
    tell(upstream, &notice);
}

void happened_copy(struct upstream *upstream, const struct book_vm *vm) {
    struct upstream_vm *own = upstream_vm(vm);
    struct notice notice = {.event = vm->record.copy_late ? NOTICE_COPY_LATE
                                                          : NOTICE_COPY_IN_TIME};
    if (vm->record.copy_late == own->copy_was_late)
        return;
    own->copy_was_late = vm->record.copy_late;
    text_set(notice.tenant, vm->record.asker);
    text_set(notice.vm, vm->record.id);
    text_set(notice.vm_name, vm->record.name);
    text_set(notice.cluster, vm->record.place);
    tell(upstream, &notice);
}

void happened_cluster(struct upstream *upstream, const struct peer *peer) {
    const struct downlink *downlink = &upstream->manager.downlink;
    bool *was_away = &upstream->clusters_away[peer - downlink->peers];
    bool is_away = peer->state == PEER_AWAY;
    struct notice notice = {.event = is_away ? NOTICE_CLUSTER_AWAY : NOTICE_CLUSTER_BACK};
    if (is_away == *was_away || (!is_away && !peer_is_up(peer)))
        return;
    *was_away = is_away;
    text_set(notice.cluster, peer->setting.name);
    tell(upstream, &notice);
}

void happened_certificate(struct upstream *upstream, const struct event_certificate *certificate) {
    struct notice notice = {.event = NOTICE_CERTIFICATE, .expires_ms = certificate->expires_ms};
    text_set(notice.certificate, certificate->name);
    tell(upstream, &notice);
}

static uint32_t percent(uint64_t used, uint64_t quota) {
    return quota ? (uint32_t)(used >= quota ? 100 : used * 100 / quota) : 0;
}

void happened_use(struct upstream *upstream, const struct tenant_entry *tenant,
                  const struct amounts *had) {
    const struct amounts *has = &tenant->used, *quota = &tenant->record.quota;
    const struct {
        const char *name;
        uint64_t had, has, quota;
    } kinds[] = {{"vms", had->vms, has->vms, quota->vms},
                 {"cpus", had->cpus, has->cpus, quota->cpus},
                 {"memory_mib", had->memory_mib, has->memory_mib, quota->memory_mib},
                 {"disk_gib", had->disk_gib, has->disk_gib, quota->disk_gib}};
    for (size_t i = 0; i < array_size(kinds); i++) {
        struct notice notice = {.event = NOTICE_QUOTA,
                                .percent = percent(kinds[i].has, kinds[i].quota)};
        if (notice.percent < nearly_percent ||
            percent(kinds[i].had, kinds[i].quota) >= nearly_percent)
            continue;
        text_set(notice.tenant, tenant->record.name);
        text_format(notice.quota, sizeof(notice.quota), "%s", kinds[i].name);
        tell(upstream, &notice);
    }
}
