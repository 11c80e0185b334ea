/* Hosts: jobs take time, fail, half-fail and hang; guests die, are deaf and come back. */

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "sim/laws/check.h"

const struct sim_vm *host_vm(const struct sim_world *world, const char *vm) {
    return map_get(&world->vms, vm);
}

struct sim_domain *host_domain(const struct sim_world *world, const struct sim_node *node,
                               const char *id) {
    const struct sim_vm *vm = host_vm(world, id);
    struct list *at = NULL, *next = NULL;
    if (!vm)
        return NULL;
    list_each(at, next, &vm->domains) {
        struct sim_domain *domain = container_of(at, struct sim_domain, by_vm);
        if (domain->node == node)
            return domain;
    }
    return NULL;
}

/* A random number below `bound`; in an even world it depends on the VM and the purpose alone. */
static uint64_t draw(struct sim_world *world, const char *vm, unsigned purpose, uint64_t bound) {
    if (world->settings.even)
        return map_hash(world->settings.seed + purpose, vm, strlen(vm)) % bound;
    world_note(world, STREAM_HOSTS, world->hosts.state[0]);
    return prng_below(&world->hosts, bound);
}

/* In an even world each VM has milliseconds of its own, so that things which happen to two of them
 * do not happen in the same: they would have no order. Returns the delay, made longer for that. */
static uint64_t own_ms(const struct sim_world *world, const char *vm, uint64_t delay_ms) {
    enum { slots = 997 };
    uint64_t slot = map_hash(world->settings.seed, vm, strlen(vm)) % slots;
    uint64_t at = (world->now_ms + delay_ms) % slots;
    return world->settings.even ? delay_ms + (slot + slots - at) % slots : delay_ms;
}

static bool fault(struct sim_world *world, const char *vm, unsigned purpose,
                  uint32_t per_mille) {
    return per_mille && !world->healing && draw(world, vm, purpose, 1000) < per_mille;
}

enum purpose { PURPOSE_TIME = 100, PURPOSE_FAIL = 200, PURPOSE_HALF = 300, PURPOSE_GUEST = 400,
               PURPOSE_TOLD = 500 };

static void tell(struct sim_world *world, struct sim_domain *domain, enum domain_news why) {
    struct event event = {.kind = EVENT_DOMAIN};
    (void)text_copy(event.domain.vm, sizeof(event.domain.vm), domain->vm->id);
    event.domain.epoch = domain->epoch;
    event.domain.state = domain->state;
    event.domain.why = why;
    domain->forgot &= why != DOMAIN_CHANGED; /* an event of libvirt's says what it is now */
    if (domain->node->role)
        world_step(world, domain->node, &event);
}

/* The one writer of a domain's state. */
void host_move(struct sim_world *world, struct sim_domain *domain, enum vm_state state) {
    bool boots = domain->state != VM_PAUSED && domain->state != VM_SUSPENDED;
    domain->vm->running += state == VM_RUNNING;
    domain->vm->running -= domain->state == VM_RUNNING;
    if (state == VM_RUNNING && domain->state != VM_RUNNING && boots)
        domain->boot = ++domain->vm->boots;
    if (state == VM_RUNNING && domain->state != VM_RUNNING)
        domain->started = domain->size;
    domain->state = state;
    domain->is_cut &= state != VM_RUNNING;
    domain->forgot = false;
    if (domain->vm->running > 1)
        check_fail(world, "not twice", "%s runs in %u places", domain->vm->id,
                   domain->vm->running);
}

void host_tell_changed(struct sim_world *world, struct sim_domain *domain) {
    tell(world, domain, DOMAIN_CHANGED);
}

static void on_guest_acts(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_domain *domain = host_domain(world, occurrence->node, occurrence->job->vm);
    if (!domain || domain->state != VM_RUNNING)
        return;
    bool reboots = occurrence->job->kind == JOB_REBOOT;
    if (!reboots)
        host_move(world, domain, VM_STOPPED);
    tell(world, domain, reboots ? DOMAIN_REBOOTED : DOMAIN_CHANGED);
}

static void die(struct sim_world *world, struct sim_domain *domain) {
    if (!domain || domain->state != VM_RUNNING)
        return;
    world->stats.guests_died++;
    host_move(world, domain, VM_CRASHED);
    tell(world, domain, DOMAIN_CHANGED);
}

static void on_guest_dies(struct sim_world *world, struct occurrence *occurrence) {
    die(world, host_domain(world, occurrence->node, occurrence->bytes));
}

void host_guest_dies(struct sim_world *world, struct sim_domain *domain) {
    const char *vm = domain->vm->id;
    if (domain->state != VM_RUNNING ||
        !fault(world, vm, PURPOSE_GUEST + 10 + (unsigned)(world->now_ms / 60000),
               world->settings.guest_dies))
        return;
    if (world->settings.even)
        world_later(world, domain->node, own_ms(world, vm, 0), on_guest_dies)->bytes =
            memory_text(vm);
    else
        die(world, domain);
}

static void tell_found(struct sim_world *world, struct sim_domain *domain) {
    if (domain->is_shell)
        return;
    bool is_cut = domain->is_cut && domain->state != VM_RUNNING;
    tell(world, domain, is_cut ? DOMAIN_CUT : DOMAIN_FOUND);
}

static void scan(struct sim_world *world, struct sim_node *node) {
    struct list *at = NULL, *next = NULL;
    list_each(at, next, &node->domains)
        tell_found(world, container_of(at, struct sim_domain, by_node));
    struct event event = {.kind = EVENT_SCANNED};
    world_step(world, node, &event);
}

static struct sim_vm *vm_of(struct sim_world *world, const char *id) {
    struct sim_vm *vm = map_get(&world->vms, id);
    if (!vm) {
        vm = memory_new(1, sizeof(*vm));
        (void)text_copy(vm->id, sizeof(vm->id), id);
        list_init(&vm->domains);
        map_put(&world->vms, vm->id, vm);
    }
    return vm;
}

struct sim_domain *host_add_domain(struct sim_world *world, struct sim_node *node,
                                   const char *id, const struct size *size) {
    struct sim_domain *domain = memory_new(1, sizeof(*domain));
    domain->vm = vm_of(world, id);
    domain->node = node;
    domain->state = VM_STOPPED;
    domain->size = *size;
    list_add(&node->domains, &domain->by_node);
    list_add(&domain->vm->domains, &domain->by_vm);
    return domain;
}

static void create(struct sim_world *world, struct sim_node *node,
                   const struct effect_job *job) {
    struct sim_domain *domain = host_domain(world, node, job->vm);
    const struct sim_vm *vm = host_vm(world, job->vm);
    if (!domain && vm) /* law 5: what moves is gone there before it is here */
        check_fail(world, "not twice", "%s is made on %s, and is on another host", job->vm,
                   node->name);
    if (!domain)
        domain = host_add_domain(world, node, job->vm, &job->definition.size);
    domain->epoch = job->epoch;
    domain->is_shell = false;
    (void)text_copy(domain->image, sizeof(domain->image), job->definition.image);
    host_connect(world, domain, job);
    check_host(world, node);
}

void host_has(struct sim_world *world, struct sim_node *node, const struct vm *vm) {
    struct sim_domain *domain = host_add_domain(world, node, vm->id, &vm->size);
    domain->epoch = vm->epoch;
    (void)text_copy(domain->image, sizeof(domain->image), vm->digest);
    host_move(world, domain, vm->state);
}

void host_take_away(struct sim_world *world, struct sim_domain *domain) {
    struct sim_vm *vm = domain->vm;
    host_move(world, domain, VM_STOPPED);
    list_remove(&domain->by_node);
    list_remove(&domain->by_vm);
    memory_free(domain);
    if (!list_is_empty(&vm->domains))
        return;
    map_remove(&world->vms, vm->id);
    memory_free(vm);
}

static struct effect_job *copy_job(const struct effect_job *job) {
    struct effect_job *copy = memory_copy(job, sizeof(*job));
    record_clone(&definition_table, &job->definition, &copy->definition);
    record_clone(&landing_table, &job->landing, &copy->landing);
    return copy;
}

static enum code ask_guest(struct sim_world *world, struct sim_domain *domain,
                           const struct effect_job *job) {
    if (domain->state != VM_RUNNING)
        return CODE_BAD_STATE;
    if (fault(world, job->vm, PURPOSE_GUEST, world->settings.guest_ignores))
        return CODE_OK;
    uint64_t wait_ms = 100 + draw(world, job->vm, PURPOSE_GUEST + 1, 3000);
    wait_ms = own_ms(world, job->vm, wait_ms);
    world_later(world, domain->node, wait_ms, on_guest_acts)->job = copy_job(job);
    return CODE_OK;
}

static enum code hold(struct sim_world *world, struct sim_domain *domain, enum job_kind kind) {
    bool live = domain->state == VM_RUNNING || domain->state == VM_PAUSED;
    if (!live && (kind != JOB_SUSPEND || domain->state != VM_SUSPENDED))
        return CODE_BAD_STATE;
    host_move(world, domain, kind == JOB_PAUSE    ? VM_PAUSED
                        : kind == JOB_RESUME ? VM_RUNNING
                                             : VM_SUSPENDED);
    return CODE_OK;
}

/* What the job does to the host; true in the world whether or not anybody hears of it. */
static enum code act(struct sim_world *world, struct sim_node *node,
                     const struct effect_job *job) {
    struct sim_domain *domain = host_domain(world, node, job->vm);
    if (job->kind == JOB_FETCH || job->kind == JOB_SCAN)
        return CODE_OK;
    check_once(world, node, job);
    if (job->kind == JOB_CREATE) {
        create(world, node, job);
        return CODE_OK;
    }
    if (job->kind == JOB_RECEIVE)
        return host_receive(world, node, job);
    if (job->kind == JOB_REMOVE) {
        check_removed(world, node, domain);
        if (domain)
            host_take_away(world, domain);
        return CODE_OK;
    }
    if (domain && domain->is_shell)
        domain = NULL;
    if (job->kind == JOB_MIGRATE)
        return host_migrate(world, domain, job);
    if (!domain)
        return CODE_LOST;
    if (job->kind == JOB_ADOPT)
        return host_adopt(world, domain, job);
    if (job->kind == JOB_SHUTDOWN || job->kind == JOB_REBOOT)
        return ask_guest(world, domain, job);
    if (job->kind == JOB_PAUSE || job->kind == JOB_RESUME || job->kind == JOB_SUSPEND)
        return hold(world, domain, job->kind);
    if (job->kind == JOB_START || job->kind == JOB_STOP) {
        host_move(world, domain, job->kind == JOB_START ? VM_RUNNING : VM_STOPPED);
        return CODE_OK;
    }
    enum vm_state state;
    enum code code = host_reshape(world, domain, job, &state);
    host_move(world, domain, state);
    check_host(world, node);
    return code;
}

/* Domains' news and jobs' ends come by ways of their own: others' may be between them. */
static void on_job_told(struct sim_world *world, struct occurrence *occurrence) {
    struct event event = {.kind = EVENT_JOB,
                          .job = {.job = occurrence->number, .code = occurrence->code}};
    host_say(host_domain(world, occurrence->node, occurrence->job->vm), occurrence->job,
             &event.job);
    if (!occurrence_is_stale(occurrence))
        world_step(world, occurrence->node, &event);
}

static void on_job_end(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_node *node = occurrence->node;
    const struct effect_job *job = occurrence->job;
    if (occurrence_is_stale(occurrence))
        return;
    list_remove(&occurrence->by_node);
    enum code code = occurrence->code;
    bool half = code != CODE_OK && draw(world, job->vm, PURPOSE_HALF + job->kind, 2);
    struct sim_domain *domain = host_domain(world, node, job->vm);
    if (half && domain && job->kind == JOB_RESIZE) {
        host_reshape_half(domain, job);
    } else if (half && domain && job->kind == JOB_MIGRATE) {
        host_migrate_half(world, domain, job);
    } else if (code == CODE_OK || half) {
        enum code acted = act(world, node, job);
        code = code == CODE_OK ? acted : code;
    }
    domain = host_domain(world, node, job->vm);
    if (domain && !domain->is_shell && job->kind != JOB_FETCH && job->kind != JOB_SCAN)
        tell(world, domain, DOMAIN_CHANGED);
    if (job->kind == JOB_SCAN)
        scan(world, node);
    uint64_t news_ms = world->settings.even ? 0 : draw(world, job->vm, PURPOSE_TOLD, 3);
    struct occurrence *told = world_later(world, node, news_ms, on_job_told);
    told->number = (uint32_t)job->job;
    told->job = copy_job(job);
    told->code = code;
}

/* A job whose process dies has had its effect by then, or never has it: the hypervisor does one
 * thing to a domain after the other, so nothing of the old process comes after the new one's. */
void host_end_of_process(struct sim_world *world, struct sim_node *node) {
    if (node->settings.kind != ROLE_AGENT)
        return;
    struct list *at = NULL, *next = NULL;
    list_each(at, next, &node->jobs) {
        struct occurrence *job = container_of(at, struct occurrence, by_node);
        list_remove(at);
        struct sim_domain *domain = host_domain(world, node, job->job->vm);
        if (domain && job->job->kind == JOB_MIGRATE && draw(world, "", PURPOSE_HALF, 3) == 0)
            host_migrate_half(world, domain, job->job);
        else if (draw(world, "", PURPOSE_HALF, 2))
            (void)act(world, node, job->job);
    }
}

static void on_host(struct sim_world *world, struct occurrence *occurrence) {
    struct event event = {.kind = EVENT_HOST, .host.size = occurrence->node->host};
    text_format(event.host.accelerator, sizeof(event.host.accelerator), "sim");
    event.host.sends = world->settings.live && !world->settings.even;
    if (host_receives(world, occurrence->node)) {
        text_format(event.host.uri, sizeof(event.host.uri), "sim:%s", occurrence->node->name);
        text_format(event.host.folder, sizeof(event.host.folder), "/");
    }
    if (!occurrence_is_stale(occurrence))
        world_step(world, occurrence->node, &event);
}

/* Is it on the agent's disk that the VM is in this state? */
static bool is_written(struct sim_world *world, const struct sim_node *node, const char *id,
                       enum vm_state state) {
    const struct sim_row *row = disk_row(node, &vm_table, id);
    struct record record = {0};
    if (!row)
        return false;
    disk_read(world, row, &record);
    bool is = ((const struct vm *)record.data)->state == state;
    record_deinit(&record);
    return is;
}

/* Without an operation nothing is started but what is known to have run. */
static void check_asked_for(struct sim_world *world, const struct sim_node *node,
                            const struct effect_job *job) {
    if (job->kind == JOB_START && !*job->op && !world->settings.bare &&
        !is_written(world, node, job->vm, VM_RUNNING) &&
        !is_written(world, node, job->vm, VM_DELETING))
        check_fail(world, "as wanted", "%s starts %s, which nobody wants to run", node->name,
                   job->vm);
}

void host_begin(struct sim_world *world, struct sim_node *node, const struct effect_job *job) {
    const struct sim_settings *faults = &world->settings;
    unsigned kind = job->kind;
    bool migrates = job->kind == JOB_MIGRATE; /* over a network, with all that it holds */
    uint64_t takes = 1 + draw(world, job->vm, PURPOSE_TIME + kind, migrates ? 20000 : 500);
    check_asked_for(world, node, job);
    bool is_scan = job->kind == JOB_SCAN;
    world->stats.jobs += !is_scan;
    if (is_scan)
        world_later(world, node, 1, on_host);
    else if (fault(world, job->vm, PURPOSE_TIME + 50 + kind, faults->job_hangs)) {
        takes += draw(world, job->vm, PURPOSE_TIME + 60 + kind,
                      migrates ? 690000 : 200000);
        world->stats.jobs_hung++;
    }
    if (node == world->slow && !is_scan)
        takes = world->slow_ms;
    takes = is_scan ? takes : own_ms(world, job->vm, takes);
    struct occurrence *later = world_later(world, node, takes, on_job_end);
    later->job = copy_job(job);
    list_add(&node->jobs, &later->by_node);
    if (!is_scan && fault(world, job->vm, PURPOSE_FAIL + kind,
                          faults->job_failure * (migrates ? 6 : 1))) {
        later->code = job->kind == JOB_FETCH ? CODE_IMAGE_UNAVAILABLE : CODE_HOST_FAILED;
        world->stats.jobs_failed++;
    }
}

static void on_image(struct sim_world *world, struct occurrence *occurrence) {
    struct event event = {.kind = EVENT_IMAGE, .image.code = occurrence->code};
    (void)text_copy(event.image.digest, sizeof(event.image.digest), occurrence->bytes);
    if (!occurrence_is_stale(occurrence))
        world_step(world, occurrence->node, &event);
}

void host_fetch_image(struct sim_world *world, struct sim_node *node, const char *digest) {
    uint64_t takes = 10 + draw(world, "image", 0, 50); /* longer than words are on their way */
    struct occurrence *later = world_later(world, node, takes, on_image);
    later->bytes = memory_text(digest);
    if (!world->settings.even && fault(world, "", 0, world->settings.job_failure))
        later->code = CODE_IMAGE_UNAVAILABLE;
}

void host_power_loss(struct sim_world *world, struct sim_node *node) {
    struct list *at = NULL, *next = NULL;
    world->stats.power_losses++;
    if (node->role)
        world_crash(world, node, 1000 + prng_below(&world->fate, 60000));
    host_cut_arrivals(world, node);
    list_each(at, next, &node->domains) {
        struct sim_domain *domain = container_of(at, struct sim_domain, by_node);
        if (domain->is_shell)
            continue;
        bool forgets = domain->forgot || is_written(world, node, domain->vm->id, VM_PAUSED);
        if (domain->state != VM_SUSPENDED) {
            host_move(world, domain, VM_STOPPED);
            domain->forgot = forgets;
        }
        domain->is_cut = true;
    }
}

void host_forget_all(struct sim_world *world) {
    for (uint32_t i = 0; i < world->nodes_count; i++)
        while (!list_is_empty(&world->nodes[i]->domains))
            host_take_away(world, container_of(world->nodes[i]->domains.next, struct sim_domain,
                                          by_node));
    map_deinit(&world->vms);
}
