/* What domains have: their sizes, disks, networks and snapshots, and what jobs make of them. */
#include "sim/parts/change.h"

#include "base/memory.h"
#include "base/text.h"
#include "core/books/reshape.h"

const struct sim_snapshot *change_snapshot(const struct sim_domain *domain, const char *name) {
    for (uint32_t i = 0; i < domain->snapshots_count; i++)
        if (text_equal(domain->snapshots[i].name, name))
            return &domain->snapshots[i];
    return NULL;
}

static struct sim_snapshot *find(struct sim_domain *domain, const char *name) {
    return (struct sim_snapshot *)(uintptr_t)change_snapshot(domain, name);
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
static enum code snapshot_take(struct sim_domain *domain, const struct effect_job *job) {
    struct sim_snapshot *snapshot = find(domain, job->snapshot);
    if (snapshot && text_equal(snapshot->op, job->op))
        return CODE_OK;
    if (!snapshot && domain->snapshots_count == array_size(domain->snapshots))
        return CODE_HOST_FAILED;
    if (!snapshot)
        snapshot = &domain->snapshots[domain->snapshots_count++];
    *snapshot = (struct sim_snapshot){.memory = runs(domain), .size = domain->size};
    text_set(snapshot->name, job->snapshot);
    text_set(snapshot->op, job->op);
    return CODE_OK;
}

static void drop(struct sim_domain *domain, const char *name) {
    struct sim_snapshot *snapshot = find(domain, name);
    if (snapshot)
        *snapshot = domain->snapshots[--domain->snapshots_count];
}

/* Does it run afterwards? */
static bool revert(struct sim_domain *domain, const struct effect_job *job) {
    const struct sim_snapshot *snapshot = change_snapshot(domain, job->snapshot);
    domain->size = job->definition.size;
    return snapshot && snapshot->memory;
}

void change_connect(struct sim_domain *domain, const struct effect_job *job) {
    const char *networks = job->definition.networks;
    const char *allow = job->definition.allow;
    text_format(domain->networks, sizeof(domain->networks), "%s", networks ? networks : "");
    text_format(domain->allow, sizeof(domain->allow), "%s", allow ? allow : "");
}

enum code change_act(struct sim_domain *domain, const struct effect_job *job,
                     enum vm_state *out_state) {
    *out_state = domain->state;
    if (job->kind != JOB_SNAPSHOT && job->kind != JOB_SNAPSHOT_DELETE)
        change_connect(domain, job);
    if (job->kind == JOB_RESIZE)
        return resize(domain, &job->definition.size);
    if (job->kind == JOB_SNAPSHOT)
        return snapshot_take(domain, job);
    if (job->kind == JOB_SNAPSHOT_DELETE)
        drop(domain, job->snapshot);
    if (job->kind == JOB_REVERT)
        *out_state = revert(domain, job) ? VM_RUNNING : VM_STOPPED;
    if (job->kind == JOB_REBUILD) {
        *out_state = VM_STOPPED;
        domain->snapshots_count = 0;
        text_set(domain->image, job->definition.image);
        text_set(domain->name, job->definition.name);
    }
    return CODE_OK;
}

/* The disk is first, of one that runs the memory; then it goes wrong, and that stays. */
void change_half(struct sim_domain *domain, const struct effect_job *job) {
    const struct size *to = &job->definition.size;
    const struct sim_snapshot *snapshot = change_snapshot(domain, job->snapshot);
    if (job->kind == JOB_REVERT && snapshot && snapshot->size.memory_mib < domain->size.memory_mib)
        domain->size.memory_mib = snapshot->size.memory_mib; /* with it comes what it had then */
    if (job->kind != JOB_RESIZE)
        return;
    if (!runs(domain))
        domain->size.disk_gib = to->disk_gib;
    else if (fits_running(domain, to) && to->memory_mib > domain->size.memory_mib)
        domain->size.memory_mib = to->memory_mib;
}

void change_say(const struct sim_domain *domain, const struct effect_job *job,
                struct event_job *out) {
    if (!domain)
        return;
    bool there = false;
    out->size = domain->size;
    text_set(out->image, domain->image);
    for (uint32_t i = 0; i < domain->snapshots_count; i++)
        if (text_equal(domain->snapshots[i].name, job->snapshot)) {
            out->memory = domain->snapshots[i].memory;
            there = true;
        }
    there = job->kind == JOB_REBUILD ? domain->snapshots_count : there;
    if (job->kind == JOB_REBUILD || job->kind == JOB_SNAPSHOT_DELETE)
        out->left = there ? SNAPSHOTS_THERE : SNAPSHOTS_GONE;
}

void change_read(const struct sim_domain *domain, struct vm *out) {
    *out = (struct vm){.size = domain->size,
                       .on_loss = domain->on_loss,
                       .networks = *domain->networks ? memory_text(domain->networks) : NULL,
                       .allow = *domain->allow ? memory_text(domain->allow) : NULL};
    text_set(out->digest, domain->image);
    text_set(out->name, domain->name);
    out->snapshots = memory_new(limit_snapshots, sizeof(*out->snapshots));
    for (uint32_t i = 0; i < domain->snapshots_count && i < limit_snapshots; i++) {
        struct snapshot *snapshot = &out->snapshots[out->snapshots_count++];
        text_set(snapshot->name, domain->snapshots[i].name);
        snapshot->memory = domain->snapshots[i].memory;
        snapshot->size = domain->snapshots[i].size;
    }
}
