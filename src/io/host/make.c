/* The definition comes last, after the disk: until it is done, a VM is what it was. */
#include "io/host/make.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "io/host/copy/copy.h"
#include "io/host/copy/restore.h"
#include "io/host/libvirt/act.h"
#include "io/host/libvirt/find.h"
#include "io/host/libvirt/shape.h"
#include "io/host/redefine.h"
#include "io/keys/secret.h"

/* Always the same for a VM, so that its guest sees the same machine wherever it is placed. */
static void make_uuid(const char *vm, char out_uuid[37]) {
    char digest[limit_digest_size];
    secret_hash_bytes(vm, strlen(vm), digest);
    digest[12] = '8'; /* RFC 9562: version 8, of one's own making; variant 10 */
    digest[16] = 'a';
    text_format(out_uuid, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", digest, digest + 8, digest + 12,
                digest + 16, digest + 20);
}

/* A domain that is there keeps its machine, unless its tenant wants the one of new domains, or its
 * disk is made anew for another firmware or for a TPM; otherwise these stay, whatever has been said
 * of the image since. A TPM that it has stays anyway: once the domain has none, libvirt would never
 * remove its state. */
static enum code plan_xml(struct host *host, const struct host_domain_plan *plan,
                          struct text *out, struct error *err) {
    const struct effect_job *job = plan->job;
    auto_clean(text_deinit) struct text old = {0};
    struct host_domain_plan anew = *plan;
    struct effect_job changed = *job; /* shares what that one has */
    char uuid[37];
    if (job->kind != JOB_CREATE) {
        enum code code = libvirt_definition(host->libvirt, job->vm, &old, err);
        if (code != CODE_OK)
            return code;
        if (!job->definition.upgrade && host_redefine_keeps(text_data(&old), plan))
            return host_redefine(text_data(&old), plan, out, err) ? CODE_HOST_FAILED : CODE_OK;
        if (job->kind != JOB_REBUILD)
            changed.definition.machine.firmware = host_redefine_firmware(text_data(&old));
        if (job->kind != JOB_REBUILD || host_redefine_tpm(text_data(&old)))
            changed.definition.machine.tpm = host_redefine_tpm(text_data(&old));
        anew.job = &changed;
    }
    make_uuid(job->vm, uuid);
    host_domain_xml(&anew, uuid, out);
    return CODE_OK;
}

/* Other hosts may have it, and a new VM leads on to them. */
static bool lacks_tpm(const struct effect_job *job, struct error *err) {
    bool lacks = job->definition.machine.tpm && strstr(err->text, "TPM version");
    return lacks && error_wrap(err, "this host has no such TPM (packages swtpm, swtpm-tools)");
}

/* Points into the paths, the facts (NULL: they are not looked at) and the job. */
static struct host_domain_plan plan_of(const struct host *host, const struct effect_job *job,
                                       const struct image_facts *facts,
                                       const struct host_vm_paths *paths) {
    return (struct host_domain_plan){
        .type = text_equal(host->accelerator, "tcg") ? "qemu" : host->accelerator,
        .architecture = facts ? facts->architecture : NULL,
        .disk = paths->disk,
        .seed = paths->seed,
        .console_log = paths->console_log,
        .agent_socket = paths->agent_socket,
        .nvram = paths->nvram,
        .networks = &host->networks,
        .job = job,
    };
}

static enum code define(struct host *host, const struct effect_job *job,
                        const struct image_facts *facts, struct error *err) {
    struct host_vm_paths paths;
    host_vm_paths(&host->files, job->vm, &paths);
    const struct host_domain_plan plan = plan_of(host, job, facts, &paths);
    auto_clean(text_deinit) struct text xml = {0};
    struct host_domain_mark mark = {.epoch = job->epoch};
    text_set(mark.vm, job->vm);
    enum code code = plan_xml(host, &plan, &xml, err);
    if (code == CODE_OK)
        code = libvirt_define(host->libvirt, text_data(&xml), err);
    if (code == CODE_HOST_FAILED && lacks_tpm(job, err))
        code = CODE_NO_CAPACITY;
    if (code == CODE_OK)
        host_known_put(host->known, &mark);
    return code;
}

/* A disk that is the VM's is whole, whatever it is made of. */
static enum code make_disk(struct host *host, const struct effect_job *job,
                           const struct image_facts *facts, struct error *err) {
    char unfinished[host_path_size];
    host_disk_unfinished(&host->files, job->vm, unfinished);
    enum code code = host_vm_prepare(&host->files, job, facts, err);
    if (code == CODE_OK && *job->copy.root)
        code = host_restore(host, job, unfinished, err);
    return code == CODE_OK ? host_disk_replace(&host->files, job->vm, err) : code;
}

/* The definition is the last act, so a domain of this epoch means that all before is done; its
 * disk may have been written since and is not made anew. */
enum code host_create(struct host *host, const struct effect_job *job, struct error *err) {
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
        code = make_disk(host, job, &facts, err);
    if (code == CODE_OK)
        code = define(host, job, &facts, err);
    return code == CODE_OK && job->records ? host_copy_begin(host, job->vm, err) : code;
}

/* A domain that was to get more memory got it, though not what else it was to have: what it has now
 * is what it is to have at its next start, too. */
static enum code keep_grown(struct host *host, const struct effect_job *job,
                            const struct image_facts *facts, const struct size *was) {
    struct effect_job kept = *job;
    kept.definition.upgrade = false;
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
enum code host_resize(struct host *host, const struct effect_job *job, struct error *err) {
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
enum code host_rebuild(struct host *host, const struct effect_job *job, struct error *err) {
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
    if (code == CODE_OK)
        code = host_copy_forget(host, job->vm, err);
    if (code == CODE_OK && has_disk)
        code = host_disk_replace(&host->files, job->vm, err);
    return code == CODE_OK ? define(host, job, &facts, err) : code;
}

/* Of one that runs first where it does: what fails then leaves the definition as it is. */
static enum code allow_running(struct host *host, const struct effect_job *job,
                               const struct image_facts *facts, struct error *err) {
    struct libvirt_domain found;
    struct host_vm_paths paths;
    enum code code = libvirt_find(host->libvirt, job->vm, &found, err);
    if (code != CODE_OK || (found.state != VM_RUNNING && found.state != VM_PAUSED))
        return code;
    host_vm_paths(&host->files, job->vm, &paths);
    const struct host_domain_plan plan = plan_of(host, job, facts, &paths);
    return libvirt_allow(host->libvirt, &plan, err);
}

enum code host_allow(struct host *host, const struct effect_job *job, struct error *err) {
    struct image_facts facts;
    enum code code = host_image_find(&host->files, &job->definition, &facts, err);
    if (code == CODE_OK)
        code = allow_running(host, job, &facts, err);
    return code == CODE_OK ? define(host, job, &facts, err) : code;
}

/* Its guest is to have what its next start will give it. */
static void take_back(struct host *host, const struct effect_job *job) {
    auto_clean(text_deinit) struct text is = {0};
    struct error err = {0};
    char why[1024];
    if (libvirt_definition(host->libvirt, job->vm, &is, &err) != CODE_OK ||
        libvirt_connect(host->libvirt, job->vm, text_data(&is), &err) != CODE_OK)
        shell_log(host->shell, LOG_WARNING, "interfaces-left", "op=%s vm=%s next=%s why=%s",
                  job->op, job->vm, "stop and start it", log_quote(err.text, why, sizeof(why)));
}

/* As it runs first, and at its next start by the definition, which is the last act here, too. */
enum code host_connect(struct host *host, const struct effect_job *job, struct error *err) {
    struct libvirt_domain found;
    struct host_vm_paths paths;
    auto_clean(text_deinit) struct text was = {0}, now = {0};
    host_vm_paths(&host->files, job->vm, &paths);
    const struct host_domain_plan plan = plan_of(host, job, NULL, &paths);
    enum code code = libvirt_find(host->libvirt, job->vm, &found, err);
    if (code == CODE_OK)
        code = libvirt_definition(host->libvirt, job->vm, &was, err);
    if (code == CODE_OK)
        code = host_redefine_networks(text_data(&was), &plan, &now, err);
    if (code != CODE_OK)
        return code;
    bool runs = libvirt_driver(host->libvirt) == LIBVIRT_QEMU &&
                (found.state == VM_RUNNING || found.state == VM_PAUSED);
    if (runs)
        code = libvirt_connect(host->libvirt, job->vm, text_data(&now), err);
    if (code == CODE_OK)
        code = libvirt_define(host->libvirt, text_data(&now), err);
    if (code != CODE_OK && runs)
        take_back(host, job);
    return code;
}

/* With a snapshot comes the definition of its time: a size, interfaces and rules that were given
 * later stay. */
enum code host_revert(struct host *host, const struct effect_job *job, struct error *err) {
    struct image_facts facts;
    enum code code = host_image_find(&host->files, &job->definition, &facts, err);
    if (code == CODE_OK)
        code = host_copy_forget(host, job->vm, err); /* QEMU reverts no disk that has bitmaps */
    if (code == CODE_OK)
        code = libvirt_revert(host->libvirt, job, err);
    if (code == CODE_OK)
        code = allow_running(host, job, &facts, err);
    return code == CODE_OK ? define(host, job, &facts, err) : code;
}
