/* Hosts: jobs take time, fail, half-fail and hang; guests die, are deaf and come back. */
#include "sim/parts/host.h"

#include <string.h>

#include "base/base64.h"
#include "base/memory.h"
#include "base/text.h"
#include "sim/parts/blocks/blocks.h"
#include "sim/parts/change.h"
#include "sim/parts/disk.h"
#include "sim/parts/images/images.h"
#include "sim/parts/live.h"
#include "sim/parts/step.h"
#include "sim/parts/warden.h"
#include "sim/world/fact.h"

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

static void on_guest_acts(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_domain *domain = domain_of(world, occurrence->node, occurrence->job->vm);
    if (!domain || domain->state != VM_RUNNING)
        return;
    bool reboots = occurrence->job->kind == JOB_REBOOT;
    if (!reboots)
        domain_set_state(world, domain, VM_STOPPED);
    domain_tell(world, domain, reboots ? DOMAIN_REBOOTED : DOMAIN_CHANGED);
}

static void die(struct sim_world *world, struct sim_domain *domain) {
    if (!domain || domain->state != VM_RUNNING)
        return;
    world->stats.guests_died++;
    domain_set_state(world, domain, VM_CRASHED);
    domain_tell(world, domain, DOMAIN_CHANGED);
}

static void on_guest_dies(struct sim_world *world, struct occurrence *occurrence) {
    die(world, domain_of(world, occurrence->node, occurrence->bytes));
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
    domain_tell(world, domain, is_cut ? DOMAIN_CUT : DOMAIN_FOUND);
}

static void scan(struct sim_world *world, struct sim_node *node) {
    struct list *at = NULL, *next = NULL;
    list_each(at, next, &node->domains)
        tell_found(world, container_of(at, struct sim_domain, by_node));
    struct event event = {.kind = EVENT_SCANNED};
    images_tell(world, node);
    step_give(world, node, &event);
}

/* What is there of this epoch is whole, and no disk is made anew. */
static enum code create(struct sim_world *world, struct sim_node *node,
                        const struct effect_job *job) {
    struct sim_domain *domain = domain_of(world, node, job->vm);
    bool is_there = domain && !domain->is_shell && domain->epoch == job->epoch;
    if (*job->copy.root && !is_there)
        blocks_spoil(world, node, job);
    if (*job->copy.root && !is_there && !blocks_fetch(world, node, job))
        return CODE_HOST_FAILED;
    world->stats.from_copies += *job->copy.root && !is_there;
    if (!domain)
        domain = domain_add(world, node, job->vm, &job->definition.size);
    domain->epoch = job->epoch;
    domain->is_shell = false;
    domain->on_loss = job->definition.on_loss;
    text_set(domain->image, job->definition.image);
    text_set(domain->name, job->definition.name);
    change_connect(domain, job);
    world_observe(world, &(struct fact){FACT_HOST, node});
    return CODE_OK;
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
    if (job->hard) /* which is not asked */
        return CODE_OK;
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
    domain_set_state(world, domain, kind == JOB_PAUSE    ? VM_PAUSED
                     : kind == JOB_RESUME ? VM_RUNNING
                                          : VM_SUSPENDED);
    return CODE_OK;
}

/* What the job does to the host; true in the world whether or not anybody hears of it. */
static enum code act(struct sim_world *world, struct sim_node *node,
                     const struct effect_job *job) {
    struct sim_domain *domain = domain_of(world, node, job->vm);
    if (job->kind == JOB_FETCH)
        images_put(node, 0, job->definition.image);
    if (job->kind == JOB_FETCH || job->kind == JOB_SCAN)
        return CODE_OK;
    if (job->kind == JOB_LOOK)
        return domain && !domain->is_shell ? CODE_OK : CODE_LOST;
    world_observe(world, &(struct fact){FACT_JOB_ACTS, node, .job = job});
    if (job->kind == JOB_CREATE)
        return create(world, node, job);
    if (job->kind == JOB_RECEIVE)
        return live_receive(world, node, job);
    if (job->kind == JOB_REMOVE || job->kind == JOB_EVICT) {
        world->stats.salvaged += domain && job->kind == JOB_EVICT;
        if (domain)
            domain_remove(world, domain);
        return CODE_OK;
    }
    if (domain && domain->is_shell)
        domain = NULL;
    if (job->kind == JOB_MIGRATE)
        return live_migrate(world, domain, job);
    if (!domain)
        return CODE_LOST;
    if (job->kind == JOB_COPY)
        return blocks_put(world, node, job, BLOCKS_PUT_WHOLE);
    if (job->kind == JOB_ADOPT)
        return live_adopt(world, domain, job);
    if (job->kind == JOB_SHUTDOWN || job->kind == JOB_REBOOT)
        return ask_guest(world, domain, job);
    if (job->kind == JOB_PAUSE || job->kind == JOB_RESUME || job->kind == JOB_SUSPEND)
        return hold(world, domain, job->kind);
    if (job->kind == JOB_START || job->kind == JOB_STOP) {
        domain_set_state(world, domain, job->kind == JOB_START ? VM_RUNNING : VM_STOPPED);
        return CODE_OK;
    }
    enum vm_state state;
    enum code code = change_act(domain, job, &state);
    domain_set_state(world, domain, state);
    world_observe(world, &(struct fact){FACT_HOST, node});
    return code;
}

static void say_copied(const struct sim_world *world, const struct effect_job *job,
                       struct copied *out) {
    const struct sim_copy *copy =
        job->kind == JOB_COPY ? blocks_of_op(world, job->vm, job->op) : NULL;
    if (copy)
        text_set(out->root, copy->root);
    out->bytes = job->kind == JOB_COPY;
}

/* Domains' news and jobs' ends come by ways of their own: others' may be between them. */
static void on_job_told(struct sim_world *world, struct occurrence *occurrence) {
    struct event event = {.kind = EVENT_JOB,
                          .job = {.job = occurrence->number, .code = occurrence->code}};
    const struct sim_domain *domain = domain_of(world, occurrence->node, occurrence->job->vm);
    struct vm found = {0};
    change_say(domain, occurrence->job, &event.job);
    say_copied(world, occurrence->job, &event.job.copied);
    enum job_kind kind = occurrence->job->kind;
    bool is_asked = kind == JOB_LOOK || ((kind == JOB_ALLOW || kind == JOB_CONNECT) &&
                                         event.job.code != CODE_OK);
    if (domain && is_asked) {
        change_read(domain, &found);
        event.job.found = &found;
    }
    if (event.job.code != CODE_OK) /* which nobody above may read */
        text_format(event.job.why, sizeof(event.job.why), "%s cannot", occurrence->node->name);
    if (!occurrence_is_stale(occurrence))
        step_give(world, occurrence->node, &event);
    record_clear(&vm_table, &found);
}

/* What comes first of a job that starts the VM, too, is told before the start is begun, which may
 * fail, or hang, or die with the process. */
static void go_on(struct sim_world *world, struct sim_node *node, const struct effect_job *job) {
    struct event event = {.kind = EVENT_JOB, .job = {.job = job->job, .starts = true}};
    struct effect_job second = *job; /* shares what that one has */
    step_give(world, node, &event);
    second.kind = JOB_START;
    second.starts = false;
    host_begin(world, node, &second);
}

static void on_job_end(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_node *node = occurrence->node;
    const struct effect_job *job = occurrence->job;
    if (occurrence_is_stale(occurrence))
        return;
    list_remove(&occurrence->by_node);
    enum code code = occurrence->code;
    bool half = code != CODE_OK && draw(world, job->vm, PURPOSE_HALF + job->kind, 2);
    struct sim_domain *domain = domain_of(world, node, job->vm);
    if (half && domain && job->kind == JOB_RESIZE) {
        change_half(domain, job);
    } else if (half && domain && job->kind == JOB_MIGRATE) {
        live_migrate_half(world, domain, job);
    } else if (half && domain && job->kind == JOB_COPY) {
        code = blocks_put(world, node, job, BLOCKS_PUT_PART) == CODE_OK ? code : CODE_STALE;
    } else if (code == CODE_OK || half) {
        enum code acted = act(world, node, job);
        code = code == CODE_OK ? acted : code;
    }
    domain = domain_of(world, node, job->vm);
    warden_soon(world, node);
    if (job->kind == JOB_FETCH)
        images_tell(world, node);
    if (half && domain && job->kind == JOB_REVERT)
        change_half(domain, job);
    if (domain && !domain->is_shell && job->kind != JOB_FETCH && job->kind != JOB_SCAN)
        domain_tell(world, domain, DOMAIN_CHANGED);
    if (job->kind == JOB_START && fault(world, job->vm, PURPOSE_GUEST + 3,
                                        world->settings.guest_falls))
        die(world, domain);
    if (job->kind == JOB_SCAN)
        scan(world, node);
    if (code == CODE_OK && job->starts) {
        go_on(world, node, job);
        return;
    }
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
        struct sim_domain *domain = domain_of(world, node, job->job->vm);
        if (domain && job->job->kind == JOB_MIGRATE && draw(world, "", PURPOSE_HALF, 3) == 0)
            live_migrate_half(world, domain, job->job);
        else if (draw(world, "", PURPOSE_HALF, 2))
            (void)act(world, node, job->job);
    }
}

static void give_disk(struct sim_world *world, struct sim_node *node, struct event *event) {
    bool is_full = node->disk_full;
    step_give(world, node, event);
    node->full_told_ms = !is_full ? 0 : node->full_told_ms ? node->full_told_ms : world->now_ms;
}

static void on_host(struct sim_world *world, struct occurrence *occurrence) {
    struct event event = {.kind = EVENT_HOST,
                          .host = {.size = occurrence->node->host,
                                   .is_full = occurrence->node->disk_full}};
    text_format(event.host.accelerator, sizeof(event.host.accelerator), "sim");
    event.host.sends = world->settings.live && !world->settings.even;
    if (live_can_receive(world, occurrence->node)) {
        text_format(event.host.uri, sizeof(event.host.uri), "%s", occurrence->node->migration_uri);
        text_format(event.host.folder, sizeof(event.host.folder), "/");
    }
    if (!occurrence_is_stale(occurrence))
        give_disk(world, occurrence->node, &event);
}

static void on_disk(struct sim_world *world, struct occurrence *occurrence) {
    struct event event = {.kind = EVENT_DISK, .disk = {occurrence->node->disk_full}};
    if (!occurrence_is_stale(occurrence))
        give_disk(world, occurrence->node, &event);
}

void host_tell_disk(struct sim_world *world, struct sim_node *node) {
    node->full_told_ms = 0;
    if (node->role && node->disk_full && node->settings.kind != ROLE_AGENT)
        world_later(world, node, 1, on_disk); /* a host tells with all that it has */
}

void host_fill_disk(struct sim_world *world, struct sim_node *node, bool is_full) {
    if (node->disk_full == is_full)
        return;
    node->disk_full = is_full;
    world->stats.disks_full += is_full;
    world_trace(world, node, is_full ? "DISK FULL" : "DISK HAS ROOM");
    if (node->role)
        world_later(world, node, 1, node->settings.kind == ROLE_AGENT ? on_host : on_disk);
}

void host_begin(struct sim_world *world, struct sim_node *node, const struct effect_job *job) {
    const struct sim_settings *faults = &world->settings;
    unsigned kind = job->kind;
    bool migrates = job->kind == JOB_MIGRATE; /* over a network, with all that it holds */
    uint64_t takes = 1 + draw(world, job->vm, PURPOSE_TIME + kind, migrates ? 20000 : 500);
    world_observe(world, &(struct fact){FACT_JOB_BEGINS, node, .job = job});
    bool is_scan = job->kind == JOB_SCAN;
    world->stats.jobs += !is_scan;
    if (world->story && !is_scan)
        text_addf(world->story, "%s works: %s\n", node->name, job_names[job->kind]);
    if (is_scan)
        world_later(world, node, 1, on_host);
    else if (fault(world, job->vm, PURPOSE_TIME + 50 + kind, faults->job_hangs)) {
        takes += draw(world, job->vm, PURPOSE_TIME + 60 + kind,
                      migrates ? 690000 : 200000);
        world->stats.jobs_hung++;
    }
    bool is_large = faults->intervals && job->kind == JOB_COPY && !world->healing;
    if (is_large)
        takes += map_hash(faults->seed, job->op, strlen(job->op)) % 60000;
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
    struct event event = {.kind = EVENT_IMAGE,
                          .image = {.link = occurrence->link, .code = occurrence->code}};
    text_set(event.image.digest, occurrence->bytes);
    if (event.image.code != CODE_OK) /* which nobody above may read */
        text_format(event.image.why, sizeof(event.image.why), "%s cannot", occurrence->node->name);
    if (occurrence_is_stale(occurrence))
        return; /* a process that is gone puts nothing there */
    if (event.image.code == CODE_OK)
        images_put(occurrence->node, event.image.link, event.image.digest);
    step_give(world, occurrence->node, &event);
}

void host_fetch_image(struct sim_world *world, struct sim_node *node,
                      const struct effect_image *image) {
    uint64_t takes = 10 + draw(world, "image", 0, 50); /* longer than words are on their way */
    struct occurrence *later = world_later(world, node, takes, on_image);
    later->bytes = memory_text(image->digest);
    later->link = image->link;
    if (!world->settings.even && fault(world, "", 0, world->settings.job_failure))
        later->code = CODE_IMAGE_UNAVAILABLE;
}

void host_log(const char *vm, struct text *out_base64) {
    base64_to_standard((const unsigned char *)vm, strlen(vm), out_base64);
}

static void on_read(struct sim_world *world, struct occurrence *occurrence) {
    struct text text = {0};
    const struct sim_domain *domain = domain_of(world, occurrence->node, occurrence->bytes);
    struct event event = {.kind = EVENT_READ,
                          .read = {.number = occurrence->number, .code = CODE_NOT_FOUND}};
    if (domain && !domain->is_shell) {
        host_log(occurrence->bytes, &text);
        event.read.code = occurrence->code;
        event.read.next = text.length;
        event.read.base64 = occurrence->code == CODE_OK ? text_data(&text) : NULL;
    }
    bool stands = occurrence->node->stands_until_ms > world->now_ms || occurrence->node->deferred;
    if (!occurrence_is_stale(occurrence) && !stands) /* otherwise nobody hears of it */
        step_give(world, occurrence->node, &event);
    text_deinit(&text);
}

void host_read(struct sim_world *world, struct sim_node *node, const struct effect_read *read) {
    enum { most_ms = 400, hangs_ms = 30000 };
    uint64_t takes = draw(world, read->vm, PURPOSE_TIME + 50, most_ms);
    if (fault(world, read->vm, PURPOSE_TIME + 51, world->settings.job_hangs))
        takes = hangs_ms;
    struct occurrence *later = world_later(world, node, takes, on_read);
    later->bytes = memory_text(read->vm);
    later->number = (uint32_t)read->number;
    later->code = fault(world, read->vm, PURPOSE_TIME + 52, world->settings.job_failure)
                      ? CODE_HOST_FAILED
                      : CODE_OK;
}

void host_lose_power(struct sim_world *world, struct sim_node *node) {
    live_cut_arrivals(world, node);
    warden_lose_power(node);
    list_for(struct sim_domain, domain, &node->domains, by_node) {
        if (domain->is_shell)
            continue;
        bool forgets = domain->forgot || disk_says(world, node, domain->vm->id, VM_PAUSED);
        if (domain->state != VM_SUSPENDED) {
            domain_set_state(world, domain, VM_STOPPED);
            domain->forgot = forgets;
        }
        domain->is_cut = true;
    }
}

struct usage host_usage_of(const char *vm) {
    uint64_t drawn = map_hash(0, vm, strlen(vm));
    return (struct usage){(uint32_t)drawn % 4000, (uint32_t)(drawn >> 8) % 4096,
                          (uint32_t)(drawn >> 16), (uint32_t)(drawn >> 24),
                          (uint32_t)(drawn >> 32), (uint32_t)drawn};
}

static void on_usage(struct sim_world *world, struct occurrence *occurrence) {
    const struct sim_node *node = occurrence->node;
    struct event event = {.kind = EVENT_USAGE};
    bool stands = node->stands_until_ms > world->now_ms || node->deferred;
    struct vm_usage *found = NULL;
    list_for(const struct sim_domain, domain, &node->domains, by_node) {
        if (domain->is_shell || !domain_goes_on(domain))
            continue;
        found = memory_resize(found, (event.usage.count + 1) * sizeof(*found));
        found[event.usage.count] = (struct vm_usage){.epoch = domain->epoch,
                                                     .usage = host_usage_of(domain->vm->id)};
        text_set(found[event.usage.count++].vm, domain->vm->id);
    }
    event.usage.usages = found;
    if (event.usage.count && !occurrence_is_stale(occurrence) && !stands)
        step_give(world, occurrence->node, &event);
    memory_free(found);
}

void host_usage(struct sim_world *world, struct sim_node *node) {
    enum { most_ms = 400 };
    world_later(world, node, draw(world, node->name, PURPOSE_TIME + 60, most_ms), on_usage);
}
