/* Whose a VM or operation is decides what is found and told; a quota that is exceeded is told
 * with its numbers. */
#include "core/upstream/quota.h"

#include "core/upstream/upstream.h"

struct book_vm *upstream_find_vm(const struct call *call, const char *key) {
    struct book_vm *vm = book_vm(&call->upstream->manager.book, key);
    if (vm && call->tenant && !text_equal(vm->record.asker, call->tenant->record.name))
        vm = NULL;
    if (!vm && call->tenant) /* an id is first: an older version took names that look like one */
        vm = map_get(&call->tenant->vm_names, key);
    if (!vm)
        call_problem(call, CODE_NOT_FOUND, "vm",
                     call->tenant ? "no VM of yours has the name or id '%s'"
                                  : "no VM has the id '%s' (operators name VMs by id)",
                     key);
    return vm;
}

enum explain_reader upstream_reader(const struct call *call) {
    return call->tenant ? EXPLAIN_TO_TENANT : EXPLAIN_TO_OPERATOR;
}

const struct shape *upstream_find_shape(const struct upstream *upstream, const char *name) {
    for (size_t i = 0; i < upstream->manager.downlink.catalogue_count; i++)
        if (text_equal(upstream->manager.downlink.catalogue[i].name, name))
            return &upstream->manager.downlink.catalogue[i];
    return NULL;
}

bool upstream_tell_quota(const struct call *call, const struct tenant_entry *tenant,
                         enum amount exceeded, const struct size *size) {
    const struct amounts *quota = &tenant->record.quota, *used = &tenant->used;
    const struct {
        const char *of;
        uint64_t quota, used, wanted;
    } told[] = {
        [AMOUNT_VMS] = {"VMs", quota->vms, used->vms, 1},
        [AMOUNT_CPUS] = {"cpus", quota->cpus, used->cpus, size->cpus},
        [AMOUNT_MEMORY] = {"MiB of memory", quota->memory_mib, used->memory_mib, size->memory_mib},
        [AMOUNT_DISK] = {"GiB of disk", quota->disk_gib, used->disk_gib, size->disk_gib},
    };
    if (exceeded == AMOUNT_NONE)
        return true;
    call_problem(call, CODE_QUOTA_EXCEEDED, "shape",
                 "your quota is %llu %s, of which %llu are used; this VM would take %llu more",
                 (unsigned long long)told[exceeded].quota, told[exceeded].of,
                 (unsigned long long)told[exceeded].used,
                 (unsigned long long)told[exceeded].wanted);
    return false;
}

/* Its permissions are the tenant's: not to be cleared. */
struct account upstream_account(const struct upstream *upstream,
                                const struct tenant_entry *tenant) {
    struct account account = {.quota = tenant->record.quota,
                              .used = tenant->used,
                              .permissions = tenant->record.permissions,
                              .created_ms = tenant->record.created_ms,
                              .images_gib = tenant->record.images_gib,
                              .images_bytes = upstream_images_bytes(upstream, tenant)};
    text_set(account.name, tenant->record.name);
    return account;
}

void upstream_answer_account(const struct call *call, const struct tenant_entry *tenant) {
    struct account account = upstream_account(call->upstream, tenant);
    call_answer(call, REPLY_RECORD, &account_table, &account);
}
