/* Jobs run on two pools: `jobs` has one lane per VM, `fetches` one per image. So a slow download
 * holds up no VM's jobs, not even a delete of the VM that waits for it, and runs once for all. */
#include "io/host/host.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/host/cache/cache.h"
#include "io/host/copy/copy.h"
#include "io/host/found.h"
#include "io/host/guard.h"
#include "io/host/guests/ips.h"
#include "io/host/guests/log.h"
#include "io/host/guests/stream.h"
#include "io/host/guests/usage.h"
#include "io/host/libvirt/act.h"
#include "io/host/libvirt/filters.h"
#include "io/host/libvirt/find.h"
#include "io/host/libvirt/migrate.h"
#include "io/host/libvirt/read.h"
#include "io/host/libvirt/shape.h"
#include "io/host/look.h"
#include "io/host/make.h"
#include "io/host/migrate.h"
#include "io/host/start.h"
#include "io/keys/secret.h"
#include "io/os/folder.h"
#include "io/warden/files.h"
#include "message/id.h"
#include "message/labels.h"

enum {
    most_jobs = 16384, /* that wait, per pool */
    fetch_workers = 2,
    most_reads = 64,
    workers_default = 8,
};

struct host_job {
    struct work work; /* first */
    struct effect_job job;
    enum { SCAN_AT_START, SCAN_AFTER_LOSS } scan; /* JOB_SCAN */
};

static void job_free(struct work *work) {
    struct host_job *one = container_of(work, struct host_job, work);
    record_clear(&definition_table, &one->job.definition);
    record_clear(&landing_table, &one->job.landing);
    memory_free(one);
}

/* --- telling the shell --- */

static void post_job(struct host *host, const struct effect_job *job,
                     const struct event_job *end, const struct error *err) {
    enum code code = end->code;
    if (code != CODE_OK) {
        char why[1024];
        shell_log(host->shell, LOG_WARNING, "host-job-failed", "op=%s vm=%s job=%s code=%s why=%s",
                  job->op, job->vm, job_names[job->kind], code_names[code],
                  log_quote(err->text, why, sizeof(why)));
    }
    struct event event = {.kind = EVENT_JOB, .job = *end};
    if (code != CODE_OK) {
        text_format(event.job.why, sizeof(event.job.why), "%s", err->text);
        text_make_plain(event.job.why);
    }
    event.job.job = job->job;
    shell_put(host->shell, &event);
}

/* What a job does to its VM is taken with the job's end, or by the shell's next turn. */
static void serve_unless_at(struct host *host, const char *vm) {
    if (!pool_has(host->jobs, vm))
        shell_serve(host->shell);
}

static void on_changed(void *context, const char *vm, enum vm_state state) {
    struct host *host = context;
    struct host_domain_mark mark;
    if (!host_known_get(host->known, vm, &mark) ||
        (state == VM_PAUSED && host_guard_is_hushed(host->guard, vm)))
        return;
    if (state == VM_LOST)
        host_known_forget(host->known, vm);
    host_post_domain(host, &mark, state, DOMAIN_CHANGED);
    serve_unless_at(host, vm);
}

static void on_rebooted(void *context, const char *vm) {
    struct host *host = context;
    struct host_domain_mark mark;
    if (!host_known_get(host->known, vm, &mark))
        return;
    host_post_domain(host, &mark, VM_RUNNING, DOMAIN_REBOOTED);
    serve_unless_at(host, vm);
}

static void queue(struct host *host, struct host_job *one);

static bool is_frozen(void *context, const char *vm) {
    const struct host *host = context;
    return host_guard_is_frozen(host->guard, vm);
}

static void on_lost(void *context) {
    const struct host *host = context;
    shell_log(host->shell, LOG_WARNING, "libvirt-lost", "next=reconnect");
}

/* What changed while nobody watched is found by another scan. */
static void on_back(void *context) {
    struct host *host = context;
    shell_log(host->shell, LOG_INFO, "libvirt-back", "next=scan");
    struct host_job *scan = memory_new(1, sizeof(*scan));
    scan->job.kind = JOB_SCAN;
    scan->scan = SCAN_AFTER_LOSS;
    queue(host, scan);
}

/* --- scan --- */

/* Learns what a scan found, by its name in *seen. */
static void learn(struct host *host, const struct libvirt_domain *found, size_t count,
                  struct map *seen) {
    for (size_t i = 0; i < count; i++) {
        map_put(seen, found[i].mark.vm, host);
        host_known_put(host->known, &found[i].mark);
    }
}

/* Of what was known before a scan, that is lost which the scan has not seen. */
static void lose(struct host *host, const struct host_domain_mark *before, size_t count,
                 const struct map *seen) {
    struct host_domain_mark mark;
    for (size_t i = 0; i < count; i++)
        if (!map_get(seen, before[i].vm) && host_known_get(host->known, before[i].vm, &mark)) {
            host_known_forget(host->known, mark.vm);
            host_post_domain(host, &mark, VM_LOST, DOMAIN_CHANGED);
        }
}

/* A scan that failed would look like a host without VMs: it is repeated until it succeeds. */
static void scan(struct host *host, const struct host_job *one) {
    bool first = one->scan == SCAN_AT_START;
    size_t count, before_count;
    auto_clean(memory_clean) struct libvirt_domain *found = NULL;
    auto_clean(memory_clean) struct host_domain_mark *before =
        host_known_all(host->known, &before_count);
    struct error err = {0};
    host_guard_begin(host->guard);
    while (libvirt_list(host->libvirt, &found, &count, &err)) {
        char why[1024];
        shell_log(host->shell, LOG_WARNING, "host-scan-failed", "next=again why=%s",
                  log_quote(err.text, why, sizeof(why)));
        if (libvirt_cancelled_within(host->libvirt, host_again_ms))
            return;
    }
    struct map seen;
    map_init(&seen, 0);
    learn(host, found, count, &seen);
    lose(host, before, before_count, &seen);
    map_deinit(&seen);
    for (size_t i = 0; i < count; i++) {
        bool is_cut = found[i].state != VM_RUNNING &&
                      !host_vm_is_of_this_boot(&host->files, found[i].mark.vm);
        host_post_domain(host, &found[i].mark, found[i].state,
                    !first ? DOMAIN_CHANGED : is_cut ? DOMAIN_CUT : DOMAIN_FOUND);
    }
    if (!first)
        return;
    shelf_tell(&host->shelf);
    shell_put(host->shell, &(struct event){.kind = EVENT_SCANNED});
}

/* What a VM has now, after a job that failed in changing that. */
static void read_back(struct host *host, const struct effect_job *job, struct event_job *out) {
    bool changes = job->kind == JOB_RESIZE || job->kind == JOB_REBUILD || job->kind == JOB_REVERT;
    bool has_disk = libvirt_driver(host->libvirt) == LIBVIRT_QEMU;
    bool deletes = job->kind == JOB_SNAPSHOT_DELETE || job->kind == JOB_REBUILD;
    struct size size = {0};
    if (changes && libvirt_size(host->libvirt, job->vm, &size, NULL) == CODE_OK &&
        (!has_disk || host_disk_read(&host->files, job->vm, &size.disk_gib, out->image)))
        out->size = size;
    if (deletes)
        out->left = libvirt_snapshots_left(host->libvirt, job->vm, job->snapshot);
}

static enum code remove_vm(struct host *host, const struct effect_job *job, struct error *err) {
    struct host_domain_mark mark;
    enum code code = libvirt_stop(host->libvirt, job->vm, err);
    bool known = host_known_get(host->known, job->vm, &mark);
    host_known_forget(host->known, job->vm); /* an undefine that we ask for is no loss */
    if (code == CODE_OK)
        code = libvirt_undefine(host->libvirt, job->vm, err);
    /* gone already; or a foreign domain has the name, and what is ours is the files alone */
    if (code == CODE_LOST || code == CODE_CONFLICT)
        code = CODE_OK;
    if (code == CODE_OK && host_vm_end(&host->files, job, err))
        code = CODE_HOST_FAILED;
    if (code != CODE_OK && known)
        host_known_put(host->known, &mark);
    return code;
}

/* --- jobs --- */

/* The agent has asked before it began; the configuration may be another since. */
static enum code find_networks(const struct host *host, const struct effect_job *job,
                               struct error *err) {
    bool defines = job->kind == JOB_CREATE || job->kind == JOB_RESIZE ||
                   job->kind == JOB_REBUILD || job->kind == JOB_REVERT ||
                   job->kind == JOB_RECEIVE || job->kind == JOB_ALLOW;
    char name[limit_name_size];
    const char *rest = defines ? job->definition.networks : NULL;
    for (unsigned i = 0; (rest = slots_next(rest, &i, name)); i++) {
        enum code code = host_network_for(&host->networks, name, job->definition.allow, err);
        if (code != CODE_OK)
            return code;
    }
    return CODE_OK;
}

static enum code do_job(struct host *host, const struct effect_job *job, struct event_job *out,
                        struct error *err) {
    struct libvirt *libvirt = host->libvirt;
    struct host_domain_mark mark;
    bool known = host_known_get(host->known, job->vm, &mark);
    switch (job->kind) {
    case JOB_CREATE: return host_create(host, job, err);
    case JOB_START:
        return host_start(host, job, known ? LIBVIRT_MARK_KNOWN : LIBVIRT_MARK_UNREAD, err);
    case JOB_SHUTDOWN: return libvirt_shutdown(libvirt, job->vm, err);
    case JOB_STOP: return libvirt_stop(libvirt, job->vm, err);
    case JOB_PAUSE: return libvirt_pause(libvirt, job->vm, err);
    case JOB_RESUME: return libvirt_resume(libvirt, job->vm, err);
    case JOB_SUSPEND: return libvirt_suspend(libvirt, job->vm, err);
    case JOB_REBOOT:
        return job->hard ? libvirt_reset(libvirt, job->vm, err)
                         : libvirt_reboot(libvirt, job->vm, err);
    case JOB_RESIZE: return host_resize(host, job, err);
    case JOB_REBUILD: return host_rebuild(host, job, err);
    case JOB_SNAPSHOT: return libvirt_snapshot(libvirt, job, &out->memory, err);
    case JOB_SNAPSHOT_DELETE: return libvirt_snapshot_delete(libvirt, job, err);
    case JOB_REVERT: return host_revert(host, job, err);
    case JOB_CONNECT: return host_connect(host, job, err);
    case JOB_RECEIVE: return host_receive(host, job, err);
    case JOB_MIGRATE: return host_migrate(host, job, err);
    case JOB_ADOPT: return host_adopt(host, job, err);
    case JOB_COPY: return host_copy(host, job, out, err);
    case JOB_ALLOW: return host_allow(host, job, err);
    case JOB_REMOVE:
    case JOB_EVICT: return remove_vm(host, job, err);
    case JOB_LOOK: return host_read_found(host, job->vm, out->found, err);
    case JOB_SCAN:
    case JOB_FETCH:
    case JOB_KIND_COUNT: break;
    }
    error_set(err, -EINVAL, "job %d is none of a VM's", (int)job->kind);
    return CODE_HOST_FAILED;
}

/* Both parts of a job that starts the VM, too: what fails then is the start. */
static enum code do_parts(struct host *host, struct effect_job *job, struct event_job *out,
                          struct error *err) {
    enum code code = find_networks(host, job, err);
    if (code == CODE_OK)
        code = do_job(host, job, out, err);
    if (code != CODE_OK || !job->starts || atomic_load(&host->closing))
        return code;
    post_job(host, job, &(struct event_job){.starts = true}, err);
    job->kind = JOB_START;
    return do_job(host, job, out, err);
}

static void run_job(struct host *host, struct effect_job *job) {
    struct error err = {0};
    struct vm found = {0};
    struct event_job end = {.found = job->kind == JOB_LOOK ? &found : NULL};
    end.code = do_parts(host, job, &end, &err);
    if (end.code == CODE_CONFLICT) /* a foreign domain is none of the VM's */
        end.code = CODE_LOST;
    if (end.code != CODE_OK)
        read_back(host, job, &end);
    if (end.code != CODE_OK && (job->kind == JOB_ALLOW || job->kind == JOB_CONNECT) &&
        libvirt_read_vm(host->libvirt, job->vm, &found, NULL) == CODE_OK)
        end.found = &found;
    if (job->kind != JOB_MIGRATE || !atomic_load(&host->closing)) /* not known */
        post_job(host, job, &end, &err);
    record_clear(&vm_table, &found);
}

static void on_jobs(void *context, struct list *batch) {
    struct host *host = context;
    list_for(struct work, work, batch, node) {
        struct host_job *one = container_of(work, struct host_job, work);
        if (atomic_load(&host->closing)) {
            /* never begun: the next process does it */
        } else if (one->job.kind == JOB_SCAN) {
            scan(host, one);
        } else {
            run_job(host, &one->job);
        }
        job_free(work);
    }
}

/* What a turn adds to the pool, this thread does next. */
static void on_rest(void *context) {
    const struct host *host = context;
    shell_serve(host->shell);
}

/* All in the batch want the same image: one download answers them. */
static void on_fetches(void *context, struct list *batch) {
    struct host *host = context;
    struct error err = {0};
    const char *digest = container_of(batch->next, struct work, node)->lane;
    uint32_t disk_gib = 0;
    list_for(struct work, work, batch, node) {
        const struct size *size = &container_of(work, struct host_job, work)->job.definition.size;
        disk_gib = size->disk_gib > disk_gib ? size->disk_gib : disk_gib;
    }
    enum code code = host_cache_fetch(host, digest, disk_gib, &err);
    struct event here = {.kind = EVENT_IMAGE};
    text_set(here.image.digest, digest);
    if (code == CODE_OK)
        shell_put(host->shell, &here);
    list_for(struct work, work, batch, node) {
        if (!atomic_load(&host->closing))
            post_job(host, &container_of(work, struct host_job, work)->job,
                     &(struct event_job){.code = code}, &err);
        job_free(work);
    }
    shelf_trim(&host->shelf);
}

struct host_read {
    struct work work; /* first */
    struct effect_read read;
};

static void read_free(struct work *work) {
    memory_free(container_of(work, struct host_read, work));
}

static void run_read(struct host *host, const struct effect_read *read) {
    struct reading part = {.code = CODE_NOT_FOUND};
    struct host_vm_paths paths;
    struct error err = {0};
    if (id_is_valid(read->vm)) { /* what becomes part of a path is looked at here */
        host_vm_paths(&host->files, read->vm, &paths);
        part.code = guest_log_read(paths.console_log, read->from, &part, &err);
    }
    if (part.code == CODE_HOST_FAILED)
        shell_log(host->shell, LOG_WARNING, "log-unread", "vm=%s why=%s", read->vm, err.text);
    shell_put(host->shell,
              &(struct event){.kind = EVENT_READ, .read = {read->number, part.code, part.from,
                                                           part.next, part.base64}});
    memory_free(part.base64);
}

static void on_reads(void *context, struct list *batch) {
    struct host *host = context;
    list_for(struct work, work, batch, node) {
        if (!atomic_load(&host->closing))
            run_read(host, &container_of(work, struct host_read, work)->read);
        read_free(work);
    }
}

void host_read(struct host *host, const struct effect_read *read) {
    struct host_read *one = memory_new(1, sizeof(*one));
    one->read = *read;
    if (pool_add(host->reads, &one->work) == POOL_ADDED)
        return;
    read_free(&one->work);
    shell_put(host->shell, &(struct event){.kind = EVENT_READ,
                                           .read = {.number = read->number, .code = CODE_BUSY}});
}

void host_usage(struct host *host) { guest_usage_look(host->usage); }

static bool is_digest(const char *text) {
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

/* Ends a job that no worker is needed for, within the turn that asks for it. */
static void finish(struct host *host, struct host_job *one, enum code code,
                   const struct error *err) {
    post_job(host, &one->job, &(struct event_job){.code = code}, err);
    job_free(&one->work);
}

static void queue(struct host *host, struct host_job *one) {
    const struct effect_job *job = &one->job;
    bool fetches = job->kind == JOB_FETCH;
    struct error err = {0};
    /* what becomes part of a path is looked at here, whoever checked it before */
    if (fetches ? !is_digest(job->definition.image)
                : job->kind != JOB_SCAN && !id_is_valid(job->vm))
        error_set(&err, -EINVAL, "not a valid id or digest");
    if (!err.code && fetches && host_image_is_here(&host->files, job->definition.image)) {
        shelf_use(&host->shelf, job->definition.image);
        finish(host, one, CODE_OK, &err); /* without waking a worker for it */
        return;
    }
    text_set(one->work.lane, fetches ? job->definition.image : job->vm);
    if (!err.code && pool_add(fetches ? host->fetches : host->jobs, &one->work) == POOL_ADDED)
        return;
    if (!err.code)
        error_set(&err, -EAGAIN, "more than %d jobs wait", most_jobs);
    finish(host, one, CODE_HOST_FAILED, &err);
}

void host_submit(struct host *host, const struct effect_job *job) {
    struct host_job *one = memory_new(1, sizeof(*one));
    one->job = *job;
    record_clone(&definition_table, &job->definition, &one->job.definition);
    record_clone(&landing_table, &job->landing, &one->job.landing);
    queue(host, one);
}

void host_order(struct host *host, const struct effect_guard *order) {
    host_guard_order(host->guard, order);
}

void host_answer(struct host *host, const struct effect_archive *effect) {
    shelf_answer(&host->shelf, effect);
}

/* --- open and close --- */

static int prepare_folder(struct host *host, const struct host_settings *settings,
                          struct error *err) {
    int failed = folder_make(settings->folder, 0755, err);
    if (failed)
        return failed;
    host->files.folder = realpath(settings->folder, NULL);
    if (!host->files.folder)
        return error_set(err, -errno, "find the folder %s: %s", settings->folder, strerror(errno));
    host->files.from = (struct image_source){
        .url = memory_text(settings->image_url),
        .ca_file = memory_text(settings->image_ca_file),
        .token_file = memory_text(settings->image_token_file),
        .reserve_bytes = (uint64_t)settings->reserve.disk_gib << 30,
        .cancel = &host->closing,
    };
    host->files.most_bytes = settings->most_image_gib << 30;
    struct text images = {0};
    text_addf(&images, "%s/images", host->files.folder);
    host->images = images.data;
    host->shelf.folder = host->images;
    return host_files_open(&host->files, err);
}

static int open_all(struct host *host, const struct host_settings *settings, struct error *err) {
    int failed = prepare_folder(host, settings, err);
    if (failed)
        return failed;
    const struct host_guard_settings guard = {
        .folder = settings->warden ? settings->warden : warden_folder_usual,
        .uri = settings->uri,
        .pid_folder = settings->pid_folder,
        .shell = host->shell,
        .closing = &host->closing,
    };
    host->guard = host_guard_new(&guard, err);
    if (!host->guard)
        return err->code;
    uint32_t workers = settings->workers ? settings->workers : workers_default;
    host->known = host_known_new();
    const struct pool_calls jobs = {on_jobs, on_rest, host}, fetches = {on_fetches, on_rest, host},
                            reads = {on_reads, on_rest, host};
    host->jobs = pool_new(workers, most_jobs, &jobs, err);
    host->fetches = host->jobs ? pool_new(fetch_workers, most_jobs, &fetches, err) : NULL;
    host->reads = host->fetches ? pool_new(1, most_reads, &reads, err) : NULL;
    host->opens = host->reads ? guest_stream_pool(host, true, err) : NULL;
    host->dials = host->opens ? guest_stream_pool(host, false, err) : NULL;
    if (!host->dials)
        return -EAGAIN;
    const struct libvirt_listener listener = {host, on_changed, on_rebooted, on_lost, on_back,
                                              is_frozen};
    host->libvirt = libvirt_new(settings->uri, &listener, err);
    if (!host->libvirt || filters_define(host->libvirt, &host->networks, err) ||
        host_look_first(host, settings->accelerator, settings->migration_uri, err))
        return -EIO;
    host->usage = guest_usage_begin(host, err);
    host->ips = host->usage ? guest_ips_begin(host, err) : NULL;
    return host->ips ? 0 : -EAGAIN;
}

struct host *host_open(const struct host_settings *settings, struct shell *shell,
                       struct error *err) {
    struct host *host = memory_new(1, sizeof(*host));
    host->shell = shell;
    host->shelf = (struct shelf){.calls = host_cache_calls(host),
                                 .shell = shell,
                                 .closing = &host->closing,
                                 .most_bytes = settings->most_images_mib << 20};
    shelf_init(&host->shelf);
    host->wanted = settings->capacity;
    host->reserve = settings->reserve;
    host->streams = settings->streams;
    host_networks_copy(&settings->networks, &host->networks);
    if (open_all(host, settings, err) == 0)
        return host;
    host_close(host);
    return NULL;
}

void host_close(struct host *host) {
    if (!host)
        return;
    atomic_store(&host->closing, true);
    if (host->libvirt) {
        libvirt_cancel(host->libvirt);
        libvirt_give_up_sending(host->libvirt);
    }
    if (host->jobs)
        pool_end(host->jobs, job_free); /* its events ask for it as long as libvirt is there */
    pool_free(host->fetches, job_free);
    pool_free(host->reads, read_free);
    pool_free(host->opens, guest_stream_drop);
    pool_free(host->dials, guest_stream_drop);
    guest_ips_end(host->ips);
    guest_usage_end(host->usage);
    if (host->libvirt)
        libvirt_free(host->libvirt);
    pool_free(host->jobs, job_free);
    host_guard_free(host->guard);
    host_known_free(host->known);
    host_networks_free(&host->networks);
    host_files_close(&host->files);
    shelf_deinit(&host->shelf);
    memory_clean(&host->images);
    memory_clean(&host->files.from.url);
    memory_clean(&host->files.from.ca_file);
    memory_clean(&host->files.from.token_file);
    memory_free(host);
}
