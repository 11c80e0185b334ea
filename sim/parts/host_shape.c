/* Hosts' sizes, disks and snapshots, and the laws about them: what a level writes is what the host
 * has, what is under way holds the larger size, and no host has more than it is. */

#include <string.h>

#include "base/text.h"
#include "core/books/reshape.h"
#include "core/role.h"
#include "message/labels.h"
#include "sim/laws/check.h"

static struct sim_snapshot *find(struct sim_domain *domain, const char *name) {
    for (uint32_t i = 0; i < domain->snapshots_count; i++)
        if (text_equal(domain->snapshots[i].name, name))
            return &domain->snapshots[i];
    return NULL;
}

static bool runs(const struct sim_domain *domain) { return domain->state == VM_RUNNING; }

/* While it runs, a guest takes no more processors than it was started with here, and of memory what
 * it has room for. */
static bool fits_running(const struct sim_domain *domain, const struct size *to) {
    enum { times = 4 };
    return to->cpus <= domain->started.cpus && to->disk_gib == domain->size.disk_gib &&
           to->memory_mib <= domain->started.memory_mib * times;
}

static enum code resize(struct sim_domain *domain, const struct size *to) {
    if (runs(domain) && !fits_running(domain, to))
        return CODE_BAD_STATE;
    domain->size = *to;
    return CODE_OK;
}

/* One that an operation left half-made gives way to the next of its name. */
static enum code snapshot_take(struct sim_world *world, struct sim_domain *domain,
                               const struct effect_job *job) {
    struct sim_snapshot *snapshot = find(domain, job->snapshot);
    if (snapshot && text_equal(snapshot->op, job->op))
        return CODE_OK;
    if (!snapshot && domain->snapshots_count == array_size(domain->snapshots)) {
        check_fail(world, "limits", "%s has too many snapshots", domain->vm->id);
        return CODE_HOST_FAILED;
    }
    if (!snapshot)
        snapshot = &domain->snapshots[domain->snapshots_count++];
    *snapshot = (struct sim_snapshot){.memory = runs(domain), .size = domain->size};
    (void)text_copy(snapshot->name, sizeof(snapshot->name), job->snapshot);
    (void)text_copy(snapshot->op, sizeof(snapshot->op), job->op);
    return CODE_OK;
}

static void drop(struct sim_domain *domain, const char *name) {
    struct sim_snapshot *snapshot = find(domain, name);
    if (snapshot)
        *snapshot = domain->snapshots[--domain->snapshots_count];
}

/* False: there is none, which the agent should have known. */
static bool revert(struct sim_world *world, struct sim_domain *domain,
                   const struct effect_job *job) {
    const struct sim_snapshot *snapshot = find(domain, job->snapshot);
    if (!snapshot)
        check_fail(world, "wanted is actual", "%s reverts %s to %s, which is not there", job->op,
                   domain->vm->id, job->snapshot);
    if (snapshot && snapshot->memory && (snapshot->size.cpus != job->definition.size.cpus ||
                                         snapshot->size.memory_mib !=
                                             job->definition.size.memory_mib))
        check_fail(world, "wanted is actual", "%s reverts %s to the memory of another size",
                   job->op, domain->vm->id);
    domain->size = job->definition.size;
    return snapshot && snapshot->memory;
}

void host_connect(struct sim_world *world, struct sim_domain *domain,
                  const struct effect_job *job) {
    const char *networks = job->definition.networks;
    size_t length = 0;
    if (labels_missing(domain->node->settings.host_networks, networks, &length))
        check_fail(world, "a host has the networks", "%s defines %s, which is in '%s'",
                   domain->node->name, job->vm, networks);
    text_format(domain->networks, sizeof(domain->networks), "%s", networks ? networks : "");
}

enum code host_reshape(struct sim_world *world, struct sim_domain *domain,
                       const struct effect_job *job, enum vm_state *out_state) {
    *out_state = domain->state;
    if (job->kind != JOB_SNAPSHOT && job->kind != JOB_SNAPSHOT_DELETE)
        host_connect(world, domain, job);
    if (job->kind == JOB_RESIZE)
        return resize(domain, &job->definition.size);
    if (job->kind == JOB_SNAPSHOT)
        return snapshot_take(world, domain, job);
    if (job->kind == JOB_SNAPSHOT_DELETE)
        drop(domain, job->snapshot);
    if (job->kind == JOB_REVERT)
        *out_state = revert(world, domain, job) ? VM_RUNNING : VM_STOPPED;
    if (job->kind == JOB_REBUILD) {
        *out_state = VM_STOPPED;
        domain->snapshots_count = 0;
        (void)text_copy(domain->image, sizeof(domain->image), job->definition.image);
    }
    return CODE_OK;
}

/* The disk is first, of one that runs the memory; then it goes wrong, and that stays. */
void host_reshape_half(struct sim_domain *domain, const struct effect_job *job) {
    const struct size *to = &job->definition.size;
    if (job->kind != JOB_RESIZE)
        return;
    if (!runs(domain))
        domain->size.disk_gib = to->disk_gib;
    else if (fits_running(domain, to) && to->memory_mib > domain->size.memory_mib)
        domain->size.memory_mib = to->memory_mib;
}

void host_say(const struct sim_domain *domain, const struct effect_job *job,
              struct event_job *out) {
    if (!domain)
        return;
    bool there = false;
    out->size = domain->size;
    (void)text_copy(out->image, sizeof(out->image), domain->image);
    for (uint32_t i = 0; i < domain->snapshots_count; i++)
        if (text_equal(domain->snapshots[i].name, job->snapshot)) {
            out->memory = domain->snapshots[i].memory;
            there = true;
        }
    there = job->kind == JOB_REBUILD ? domain->snapshots_count : there;
    if (job->kind == JOB_REBUILD || job->kind == JOB_SNAPSHOT_DELETE)
        out->left = there ? SNAPSHOTS_THERE : SNAPSHOTS_GONE;
}

/* --- laws --- */

static bool within(const struct size *size, const struct size *of) {
    struct size growth = size_growth(of, size);
    return size_is_zero(&growth);
}

static uint32_t lent(uint32_t has, uint32_t percent) {
    return percent > 100 ? (uint32_t)((uint64_t)has * percent / 100) : has;
}

/* Law 10, in hardware: whatever is under way, a host never has more on it than it ever lent. */
void check_host(struct sim_world *world, const struct sim_node *node) {
    struct size sum = {0};
    struct size most = {lent(node->host.cpus, node->most_lent.cpus_percent),
                        lent(node->host.memory_mib, node->most_lent.memory_percent),
                        node->host.disk_gib};
    struct list *at = NULL, *next = NULL;
    list_each(at, next, &node->domains) {
        const struct size *size = &container_of(at, struct sim_domain, by_node)->size;
        sum.cpus += size->cpus;
        sum.memory_mib += size->memory_mib;
        sum.disk_gib += size->disk_gib;
    }
    if (!world->settings.bare && !within(&sum, &most))
        check_fail(world, "no host is overfull", "%s has %u cpus, %u MiB, %u GiB of %u, %u, %u",
                   node->name, sum.cpus, sum.memory_mib, sum.disk_gib, most.cpus,
                   most.memory_mib, most.disk_gib);
}

/* What a level says of a VM is what the host has of it. */
void check_shape(struct sim_world *world, const struct sim_node *node, const struct vm *vm,
                 const struct sim_domain *domain) {
    const struct size *size = &vm->size, *has = &domain->size;
    if (!record_equal(&size_table, size, has))
        check_fail(world, "wanted is actual",
                   "%s says %s has %u cpus, %u MiB, %u GiB; it has %u, %u, %u", node->name, vm->id,
                   size->cpus, size->memory_mib, size->disk_gib, has->cpus, has->memory_mib,
                   has->disk_gib);
    if (!text_equal(vm->digest, domain->image))
        check_fail(world, "wanted is actual", "%s says %s is of image %s, it is of %s",
                   node->name, vm->id, vm->digest, domain->image);
    if (!text_equal(vm->networks ? vm->networks : "", domain->networks))
        check_fail(world, "wanted is actual", "%s says %s is in networks '%s', it is in '%s'",
                   node->name, vm->id, vm->networks ? vm->networks : "", domain->networks);
    for (uint32_t i = 0; i < vm->snapshots_count; i++) {
        const struct sim_snapshot *there =
            find((struct sim_domain *)(uintptr_t)domain, vm->snapshots[i].name);
        if (!there || there->memory != vm->snapshots[i].memory)
            check_fail(world, "wanted is actual", "%s says %s has snapshot %s, %s", node->name,
                       vm->id, vm->snapshots[i].name,
                       there ? "which is of another kind" : "which is not there");
    }
}

/* While a resize is under way, what counts is the larger of what was and of what is to be. */
void check_held(struct sim_world *world, const struct sim_node *node, const struct vm *saved) {
    const struct book_vm *vm = book_vm(role_book(node->role), saved->id);
    const struct operation *op = vm && vm->active ? &vm->active->record : NULL;
    if (!op || op->verb != VERB_RESIZE || size_is_zero(&op->was))
        return;
    struct size larger = size_larger(&op->was, &op->definition.size);
    if (!within(&larger, &vm->record.size))
        check_fail(world, "the larger is held", "%s holds %u cpus, %u MiB, %u GiB for %s",
                   node->name, vm->record.size.cpus, vm->record.size.memory_mib,
                   vm->record.size.disk_gib, saved->id);
}
