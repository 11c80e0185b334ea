#include "base/memory.h"
#include "base/text.h"
#include "sim/world.h"

struct sim_domain *host_domain(const struct sim_node *node, const char *vm) {
    struct list *at = NULL, *next = NULL;
    list_each(at, next, &node->domains) {
        struct sim_domain *domain = container_of(at, struct sim_domain, node);
        if (text_equal(domain->vm, vm))
            return domain;
    }
    return NULL;
}

static void tell(struct sim_world *world, struct sim_node *node, const char *vm, uint32_t epoch,
                 enum vm_state state, int why) {
    struct event event = {.kind = EVENT_DOMAIN};
    (void)text_copy(event.domain.vm, sizeof(event.domain.vm), vm);
    event.domain.epoch = epoch;
    event.domain.state = state;
    if (why == DOMAIN_FOUND)
        event.domain.why = DOMAIN_FOUND;
    else
        event.domain.why = why == DOMAIN_REBOOTED ? DOMAIN_REBOOTED : DOMAIN_CHANGED;
    if (node->role)
        world_step(world, node, &event);
}

static void on_guest_acts(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_domain *domain = host_domain(occurrence->node, occurrence->job.vm);
    if (!domain || domain->state != VM_RUNNING)
        return;
    bool reboots = occurrence->job.kind == JOB_REBOOT;
    if (!reboots)
        domain->state = VM_STOPPED;
    tell(world, occurrence->node, domain->vm, domain->epoch, domain->state,
         reboots ? DOMAIN_REBOOTED : DOMAIN_CHANGED);
}

static void scan(struct sim_world *world, struct sim_node *node) {
    uint32_t incarnation = node->incarnation;
    struct list *at = NULL, *next = NULL;
    list_each(at, next, &node->domains) {
        struct sim_domain *domain = container_of(at, struct sim_domain, node);
        if (node->incarnation == incarnation)
            tell(world, node, domain->vm, domain->epoch, domain->state, DOMAIN_FOUND);
    }
    struct event event = {.kind = EVENT_SCANNED};
    if (node->role && node->incarnation == incarnation)
        world_step(world, node, &event);
}

static enum code create(struct sim_node *node, const struct effect_job *job) {
    struct sim_domain *domain = host_domain(node, job->vm);
    if (!domain) {
        domain = memory_new(1, sizeof(*domain));
        (void)text_copy(domain->vm, sizeof(domain->vm), job->vm);
        domain->state = VM_STOPPED;
        list_add(&node->domains, &domain->node);
    }
    domain->epoch = job->epoch;
    return CODE_OK;
}

/* What the job does to the host; true in the world whether or not anybody hears of it. */
static enum code act(struct sim_world *world, struct sim_node *node,
                     const struct effect_job *job) {
    struct sim_domain *domain = host_domain(node, job->vm);
    if (job->kind == JOB_FETCH || job->kind == JOB_SCAN)
        return CODE_OK;
    if (job->kind == JOB_CREATE)
        return create(node, job);
    if (job->kind == JOB_REMOVE) {
        if (domain) {
            list_remove(&domain->node);
            memory_free(domain);
        }
        return CODE_OK;
    }
    if (!domain)
        return CODE_LOST;
    if (job->kind == JOB_START)
        domain->state = VM_RUNNING;
    if (job->kind == JOB_STOP)
        domain->state = VM_STOPPED;
    if (job->kind == JOB_SHUTDOWN || job->kind == JOB_REBOOT) {
        if (domain->state != VM_RUNNING)
            return CODE_BAD_STATE;
        if (!world_fault(world, &world->hosts, world->settings.faults.guest_ignores)) {
            struct occurrence *later =
                world_later(world, node, 100 + prng_below(&world->hosts, 3000), on_guest_acts);
            later->job = *job;
            later->job.definition = (struct definition){0};
        }
    }
    return CODE_OK;
}

static void on_job_end(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_node *node = occurrence->node;
    const struct effect_job *job = &occurrence->job;
    if (occurrence_is_stale(occurrence))
        return;
    enum code code = occurrence->code;
    bool half = code != CODE_OK && prng_below(&world->hosts, 2);
    if (code == CODE_OK || half) {
        enum code acted = act(world, node, job);
        code = code == CODE_OK ? acted : code;
    }
    struct sim_domain *domain = host_domain(node, job->vm);
    if (domain && job->kind != JOB_FETCH && job->kind != JOB_SCAN)
        tell(world, node, job->vm, domain->epoch, domain->state, DOMAIN_CHANGED);
    if (job->kind == JOB_SCAN && !occurrence_is_stale(occurrence))
        scan(world, node);
    struct event event = {.kind = EVENT_JOB, .job = {.job = job->job, .code = code}};
    if (!occurrence_is_stale(occurrence))
        world_step(world, node, &event);
}

/* A job whose process dies has had its effect by then, or never has it: the hypervisor does one
 * thing to a domain after the other, so nothing of the old process comes after the new one's. */
void host_end_of_process(struct sim_world *world, struct sim_node *node) {
    for (size_t i = 1; i <= world->occurrences.count; i++) {
        struct occurrence *at =
            container_of(world->occurrences.timers[i], struct occurrence, timer);
        if (at->happen == on_job_end && at->node == node && !occurrence_is_stale(at) &&
            prng_below(&world->hosts, 2))
            (void)act(world, node, &at->job);
    }
}

static void on_host(struct sim_world *world, struct occurrence *occurrence) {
    struct event event = {.kind = EVENT_HOST, .host.size = {8, 8192, 64}};
    text_format(event.host.accelerator, sizeof(event.host.accelerator), "sim");
    if (!occurrence_is_stale(occurrence))
        world_step(world, occurrence->node, &event);
}

void host_begin(struct sim_world *world, struct sim_node *node, const struct effect_job *job) {
    const struct sim_faults *faults = &world->settings.faults;
    uint64_t takes = 1 + prng_below(&world->hosts, 500);
    if (job->kind == JOB_SCAN)
        world_later(world, node, 1, on_host);
    else if (world_fault(world, &world->hosts, faults->job_hangs))
        takes += prng_below(&world->hosts, 200000);
    struct occurrence *later = world_later(world, node, takes, on_job_end);
    later->job = *job;
    record_clone(&definition_table, &job->definition, &later->job.definition);
    bool may_fail = job->kind != JOB_SCAN;
    if (may_fail && world_fault(world, &world->hosts, faults->job_failure))
        later->code = job->kind == JOB_FETCH ? CODE_IMAGE_UNAVAILABLE : CODE_HOST_FAILED;
}

void host_power_loss(struct sim_world *world, struct sim_node *node) {
    struct list *at = NULL, *next = NULL;
    if (node->settings.kind != ROLE_AGENT)
        return;
    if (node->role)
        world_crash(world, node, 1000 + prng_below(&world->fate, 60000));
    list_each(at, next, &node->domains)
        container_of(at, struct sim_domain, node)->state = VM_STOPPED;
}
