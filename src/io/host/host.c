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
#include "io/host/libvirt/act.h"
#include "io/host/libvirt/find.h"
#include "io/host/libvirt/migrate.h"
#include "io/host/libvirt/shape.h"
#include "io/host/machine.h"
#include "io/host/migrate.h"
#include "io/keys/secret.h"
#include "io/os/folder.h"
#include "message/id.h"
#include "message/labels.h"

enum {
    most_jobs = 16384, /* that wait, per pool */
    fetch_workers = 2,
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
    event.job.job = job->job;
    shell_put(host->shell, &event);
}

static void on_changed(void *context, const char *vm, enum vm_state state) {
    struct host *host = context;
    struct host_domain_mark mark;
    if (!host_known_get(host->known, vm, &mark))
        return;
    if (state == VM_LOST)
        host_known_forget(host->known, vm);
    host_post_domain(host, &mark, state, DOMAIN_CHANGED);
    shell_serve(host->shell);
}

static void on_rebooted(void *context, const char *vm) {
    struct host *host = context;
    struct host_domain_mark mark;
    if (!host_known_get(host->known, vm, &mark))
        return;
    host_post_domain(host, &mark, VM_RUNNING, DOMAIN_REBOOTED);
    shell_serve(host->shell);
}

static void queue(struct host *host, struct host_job *one);

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
    if (first)
        shell_put(host->shell, &(struct event){.kind = EVENT_SCANNED});
}

/* --- create and remove --- */

/* Always the same for a VM, so that its guest sees the same machine wherever it is placed. */
static void make_uuid(const char *vm, char out_uuid[37]) {
    char digest[limit_digest_size];
    secret_hash_bytes(vm, strlen(vm), digest);
    digest[12] = '8'; /* RFC 9562: version 8, of one's own making; variant 10 */
    digest[16] = 'a';
    text_format(out_uuid, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", digest, digest + 8, digest + 12,
                digest + 16, digest + 20);
}

static enum code define(struct host *host, const struct effect_job *job,
                        const struct image_facts *facts, struct error *err) {
    struct host_vm_paths paths;
    host_vm_paths(&host->files, job->vm, &paths);
    struct host_domain_plan plan = {
        .type = text_equal(host->accelerator, "tcg") ? "qemu" : host->accelerator,
        .architecture = facts->architecture,
        .disk = paths.disk,
        .seed = paths.seed,
        .console_log = paths.console_log,
        .networks = &host->networks,
        .job = job,
    };
    char uuid[37];
    make_uuid(job->vm, uuid);
    auto_clean(text_deinit) struct text xml = {0};
    host_domain_xml(&plan, uuid, &xml);
    struct host_domain_mark mark = {.epoch = job->epoch};
    text_set(mark.vm, job->vm);
    enum code code = libvirt_define(host->libvirt, text_data(&xml), err);
    if (code == CODE_OK)
        host_known_put(host->known, &mark);
    return code;
}

/* The definition is the last act, so a domain of this epoch means that all before is done; its
 * disk may have been written since and is not made anew. */
static enum code create(struct host *host, const struct effect_job *job, struct error *err) {
    struct libvirt_domain found;
    enum code code = libvirt_find(host->libvirt, job->vm, &found, err);
    if (code == CODE_OK) {
        host_known_put(host->known, &found.mark);
        if (found.mark.epoch == job->epoch)
            return CODE_OK;
        if (found.state == VM_RUNNING || found.state == VM_PAUSED) {
            error_set(err, -EBUSY, "the domain of epoch %" PRIu32 " still runs", found.mark.epoch);
            return CODE_BAD_STATE;
        }
        code = libvirt_stop(host->libvirt, job->vm, err); /* what was saved is not the new one's */
        if (code != CODE_OK)
            return code;
    } else if (code != CODE_LOST) {
        return CODE_HOST_FAILED;
    }
    struct image_facts facts;
    code = host_image_find(&host->files, &job->definition, &facts, err);
    if (code == CODE_OK && libvirt_driver(host->libvirt) == LIBVIRT_QEMU)
        code = host_vm_prepare(&host->files, job, &facts, err);
    return code == CODE_OK ? define(host, job, &facts, err) : code;
}

/* A domain that was to get more memory got it, though not what else it was to have: what it has now
 * is what it is to have at its next start, too. */
static enum code keep_grown(struct host *host, const struct effect_job *job,
                            const struct image_facts *facts, const struct size *was) {
    struct effect_job kept = *job;
    struct size *size = &kept.definition.size, is;
    if (libvirt_size(host->libvirt, job->vm, &is, NULL) != CODE_OK ||
        is.memory_mib <= was->memory_mib)
        return CODE_OK;
    size->cpus = is.cpus;
    size->memory_mib = is.memory_mib;
    return define(host, &kept, facts, NULL);
}

static enum code resize_running(struct host *host, const struct effect_job *job,
                                const struct image_facts *facts, struct error *err) {
    struct size was;
    enum code code = libvirt_size(host->libvirt, job->vm, &was, err);
    if (code != CODE_OK)
        return code;
    code = libvirt_resize(host->libvirt, job->vm, &job->definition.size, err);
    return code == CODE_OK || keep_grown(host, job, facts, &was) == CODE_OK ? code
                                                                            : CODE_HOST_FAILED;
}

/* The definition is the last act here, too: until it is done, the domain has what it had. */
static enum code resize(struct host *host, const struct effect_job *job, struct error *err) {
    struct libvirt_domain found;
    struct image_facts facts;
    const struct size *size = &job->definition.size;
    enum code code = libvirt_find(host->libvirt, job->vm, &found, err);
    if (code == CODE_OK)
        code = host_image_find(&host->files, &job->definition, &facts, err);
    if (code != CODE_OK)
        return code;
    if (found.state == VM_RUNNING || found.state == VM_PAUSED)
        code = resize_running(host, job, &facts, err);
    else if (libvirt_driver(host->libvirt) == LIBVIRT_QEMU)
        code = host_disk_grow(&host->files, job->vm, size->disk_gib, err);
    return code == CODE_OK ? define(host, job, &facts, err) : code;
}

/* What takes time and may fail is done beside the old disk, which goes last. */
static enum code rebuild(struct host *host, const struct effect_job *job, struct error *err) {
    struct libvirt_domain found;
    struct image_facts facts;
    bool has_disk = libvirt_driver(host->libvirt) == LIBVIRT_QEMU;
    enum code code = libvirt_find(host->libvirt, job->vm, &found, err);
    if (code == CODE_OK)
        code = host_image_find(&host->files, &job->definition, &facts, err);
    if (code == CODE_OK && has_disk)
        code = host_disk_renew(&host->files, job, &facts, err);
    if (code == CODE_OK)
        code = libvirt_stop(host->libvirt, job->vm, err);
    if (code == CODE_OK)
        code = libvirt_forget_snapshots(host->libvirt, job->vm, err);
    if (code == CODE_OK && has_disk)
        code = host_disk_replace(&host->files, job->vm, err);
    return code == CODE_OK ? define(host, job, &facts, err) : code;
}

/* With a snapshot comes the definition of its time: a size that was given later stays. */
static enum code revert(struct host *host, const struct effect_job *job, struct error *err) {
    struct image_facts facts;
    enum code code = host_image_find(&host->files, &job->definition, &facts, err);
    if (code == CODE_OK)
        code = libvirt_revert(host->libvirt, job, err);
    return code == CODE_OK ? define(host, job, &facts, err) : code;
}

/* What a VM has now, after a job that failed in changing that. */
static void read_back(struct host *host, const struct effect_job *job, struct event_job *out) {
    bool changes = job->kind == JOB_RESIZE || job->kind == JOB_REBUILD;
    bool deletes = job->kind == JOB_SNAPSHOT_DELETE || job->kind == JOB_REBUILD;
    struct size size = {0};
    if (changes && libvirt_size(host->libvirt, job->vm, &size, NULL) == CODE_OK &&
        host_disk_read(&host->files, job->vm, &size.disk_gib, out->image))
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
    if (code == CODE_OK && host_vm_remove(&host->files, job->vm, err))
        code = CODE_HOST_FAILED;
    if (code != CODE_OK && known)
        host_known_put(host->known, &mark);
    return code;
}

/* --- jobs --- */

static enum code start(struct host *host, const struct effect_job *job, enum libvirt_mark mark,
                       struct error *err) {
    enum code code = libvirt_start(host->libvirt, job->vm, mark, err);
    if (code == CODE_OK && libvirt_driver(host->libvirt) == LIBVIRT_QEMU)
        host_vm_note_boot(&host->files, job->vm);
    return code;
}

/* The agent has asked before it began; the configuration may be another since. */
static enum code find_networks(const struct host *host, const struct effect_job *job,
                               struct error *err) {
    bool defines = job->kind == JOB_CREATE || job->kind == JOB_RESIZE ||
                   job->kind == JOB_REBUILD || job->kind == JOB_REVERT ||
                   job->kind == JOB_RECEIVE;
    char name[limit_name_size];
    const char *rest = defines ? job->definition.networks : NULL;
    while ((rest = names_next(rest, name)))
        if (!host_network_find(&host->networks, name)) {
            error_set(err, -ENOENT, "no [network %s] is configured here", name);
            return CODE_NO_CAPACITY;
        }
    return CODE_OK;
}

static enum code do_job(struct host *host, const struct effect_job *job, struct event_job *out,
                        struct error *err) {
    struct libvirt *libvirt = host->libvirt;
    struct host_domain_mark mark;
    bool known = host_known_get(host->known, job->vm, &mark);
    switch (job->kind) {
    case JOB_CREATE: return create(host, job, err);
    case JOB_START:
        return start(host, job, known ? LIBVIRT_MARK_KNOWN : LIBVIRT_MARK_UNREAD, err);
    case JOB_SHUTDOWN: return libvirt_shutdown(libvirt, job->vm, err);
    case JOB_STOP: return libvirt_stop(libvirt, job->vm, err);
    case JOB_PAUSE: return libvirt_pause(libvirt, job->vm, err);
    case JOB_RESUME: return libvirt_resume(libvirt, job->vm, err);
    case JOB_SUSPEND: return libvirt_suspend(libvirt, job->vm, err);
    case JOB_REBOOT: return libvirt_reboot(libvirt, job->vm, err);
    case JOB_RESIZE: return resize(host, job, err);
    case JOB_REBUILD: return rebuild(host, job, err);
    case JOB_SNAPSHOT: return libvirt_snapshot(libvirt, job, &out->memory, err);
    case JOB_SNAPSHOT_DELETE: return libvirt_snapshot_delete(libvirt, job, err);
    case JOB_REVERT: return revert(host, job, err);
    case JOB_RECEIVE: return host_receive(host, job, err);
    case JOB_MIGRATE: return host_migrate(host, job, err);
    case JOB_ADOPT: return host_adopt(host, job, err);
    case JOB_REMOVE: return remove_vm(host, job, err);
    case JOB_SCAN:
    case JOB_FETCH:
    case JOB_KIND_COUNT: break;
    }
    error_set(err, -EINVAL, "job %d is none of a VM's", (int)job->kind);
    return CODE_HOST_FAILED;
}

static void on_jobs(void *context, struct list *batch) {
    struct host *host = context;
    list_for(struct work, work, batch, node) {
        const struct host_job *one = container_of(work, struct host_job, work);
        struct error err = {0};
        if (atomic_load(&host->closing)) {
            /* never begun: the next process does it */
        } else if (one->job.kind == JOB_SCAN) {
            scan(host, one);
        } else {
            struct event_job end = {0};
            end.code = find_networks(host, &one->job, &err);
            if (end.code == CODE_OK)
                end.code = do_job(host, &one->job, &end, &err);
            if (end.code == CODE_CONFLICT) /* a foreign domain is none of the VM's */
                end.code = CODE_LOST;
            if (end.code != CODE_OK)
                read_back(host, &one->job, &end);
            if (one->job.kind != JOB_MIGRATE || !atomic_load(&host->closing)) /* not known */
                post_job(host, &one->job, &end, &err);
        }
        job_free(work);
    }
    shell_serve(host->shell); /* last: what it adds to the pool, this thread does next */
}

/* All in the batch want the same image: one download answers them. */
static void on_fetches(void *context, struct list *batch) {
    struct host *host = context;
    struct error err = {0};
    const char *digest = container_of(batch->next, struct work, node)->lane;
    enum code code = host_image_fetch(&host->files, digest, &err);
    list_for(struct work, work, batch, node) {
        if (!atomic_load(&host->closing))
            post_job(host, &container_of(work, struct host_job, work)->job,
                     &(struct event_job){.code = code}, &err);
        job_free(work);
    }
    shell_serve(host->shell);
}

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

/* --- open and close --- */

static int prepare_folder(struct host *host, const struct host_settings *settings,
                          struct error *err) {
    int failed = folder_make(settings->folder, 0755, err);
    if (failed)
        return failed;
    host->files.folder = realpath(settings->folder, NULL);
    if (!host->files.folder)
        return error_set(err, -errno, "find the folder %s: %s", settings->folder, strerror(errno));
    host->files.from = (struct image_fetcher_settings){
        .url = memory_text(settings->image_url),
        .ca_file = memory_text(settings->image_ca_file),
        .token_file = memory_text(settings->image_token_file),
        .cancel = &host->closing,
    };
    return host_files_open(&host->files, err);
}

static int tell_host(struct host *host, const struct host_settings *settings, struct error *err) {
    auto_clean(memory_clean) char *capabilities = NULL;
    struct event event = {.kind = EVENT_HOST};
    struct size has = {0};
    int failed = libvirt_facts(host->libvirt, &has.cpus, &capabilities, err);
    if (!failed)
        failed = host_machine_size(host->files.folder, &has, err);
    if (failed)
        return failed;
    host->accelerator = libvirt_driver(host->libvirt) == LIBVIRT_TEST
                            ? "test"
                            : host_machine_accelerator(settings->accelerator, capabilities, err);
    if (!host->accelerator)
        return -ENOTSUP;
    event.host.size = host_machine_lend(has, settings->capacity, settings->reserve);
    text_set(event.host.accelerator, host->accelerator);
    event.host.sends = libvirt_driver(host->libvirt) == LIBVIRT_QEMU;
    if (event.host.sends && settings->migration_uri && *settings->migration_uri &&
        (!text_copy(event.host.uri, sizeof(event.host.uri), settings->migration_uri) ||
         !text_copy(event.host.folder, sizeof(event.host.folder), host->files.folder)))
        return error_set(err, -ENAMETOOLONG, "migration_uri, or the folder, is too long");
    shell_post(host->shell, &event);
    return 0;
}

static void copy_networks(const struct host_networks *from, struct host_networks *out) {
    out->items = memory_new(from->count, sizeof(*out->items));
    for (; out->count < from->count; out->count++)
        out->items[out->count] = (struct host_network){
            .name = memory_text(from->items[out->count].name),
            .bridge = memory_text(from->items[out->count].bridge),
            .libvirt = memory_text(from->items[out->count].libvirt),
        };
}

static void free_networks(struct host_networks *networks) {
    for (size_t i = 0; i < networks->count; i++) {
        memory_free(networks->items[i].name);
        memory_free(networks->items[i].bridge);
        memory_free(networks->items[i].libvirt);
    }
    memory_free(networks->items);
}

static int open_all(struct host *host, const struct host_settings *settings, struct error *err) {
    int failed = prepare_folder(host, settings, err);
    if (failed)
        return failed;
    uint32_t workers = settings->workers ? settings->workers : workers_default;
    host->known = host_known_new();
    host->jobs = pool_new(workers, most_jobs, on_jobs, host, err);
    host->fetches = host->jobs ? pool_new(fetch_workers, most_jobs, on_fetches, host, err) : NULL;
    if (!host->fetches)
        return -EAGAIN;
    const struct libvirt_listener listener = {host, on_changed, on_rebooted, on_lost, on_back};
    host->libvirt = libvirt_new(settings->uri, &listener, err);
    return host->libvirt ? tell_host(host, settings, err) : -EIO;
}

struct host *host_open(const struct host_settings *settings, struct shell *shell,
                       struct error *err) {
    struct host *host = memory_new(1, sizeof(*host));
    host->shell = shell;
    copy_networks(&settings->networks, &host->networks);
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
    pool_free(host->jobs, job_free);
    pool_free(host->fetches, job_free);
    if (host->libvirt)
        libvirt_free(host->libvirt);
    host_known_free(host->known);
    free_networks(&host->networks);
    memory_free(host->files.folder);
    memory_clean(&host->files.from.url);
    memory_clean(&host->files.from.ca_file);
    memory_clean(&host->files.from.token_file);
    memory_free(host);
}
