/* The sender says that a VM is gone only when libvirt has told what became of it, however long that
 * takes: the other host acts on it. */
#include "io/host/migrate.h"

#include <errno.h>
#include <inttypes.h>

#include "base/log.h"
#include "base/text.h"
#include "io/host/libvirt/act.h"
#include "io/host/libvirt/backup.h"
#include "io/host/libvirt/migrate.h"
#include "io/host/start.h"
#include "io/shell/ports.h"

enum code host_receive(struct host *host, const struct effect_job *job, struct error *err) {
    struct libvirt_domain found;
    struct image_facts facts;
    enum code code = libvirt_find(host->libvirt, job->vm, &found, err);
    if (code == CODE_OK) { /* of an earlier time: its disk is not to be written over */
        error_set(err, -EEXIST, "there is a domain of epoch %" PRIu32, found.mark.epoch);
        return CODE_BAD_STATE;
    }
    if (code != CODE_LOST)
        return CODE_HOST_FAILED;
    code = host_image_find(&host->files, &job->definition, &facts, err);
    if (code == CODE_OK)
        code = host_vm_prepare(&host->files, job, &facts, err);
    if (code == CODE_OK)
        code = host_disk_replace(&host->files, job->vm, err);
    struct host_domain_mark mark = {.epoch = job->epoch};
    text_set(mark.vm, job->vm);
    if (code == CODE_OK)
        host_known_put(host->known, &mark);
    return code;
}

/* The truth, however long it takes, since the other host acts on it. CODE_HOST_FAILED: this process
 * ends. */
static enum code settle(struct host *host, const char *vm, struct libvirt_domain *out_domain,
                        struct error *err) {
    enum code code = libvirt_settle(host->libvirt, vm, out_domain, err);
    while (code == CODE_HOST_FAILED &&
           !libvirt_cancelled_within(host->libvirt, host_again_ms))
        code = libvirt_settle(host->libvirt, vm, out_domain, err);
    return code;
}

/* Returns CODE_OK when it is not here any more. */
static enum code send_away(struct host *host, const struct effect_job *job, struct error *err) {
    const struct host_domain_move move = {.uri = job->landing.uri,
                                          .from_folder = host->files.folder,
                                          .to_folder = job->landing.folder,
                                          .epoch = job->landing.epoch};
    struct libvirt_domain found;
    struct error again = {0};
    host_known_forget(host->known, job->vm); /* what it does from here on is our doing */
    enum code tried = libvirt_driver(host->libvirt) == LIBVIRT_QEMU
                          ? libvirt_checkpoints_drop(host->libvirt, job->vm, "", err)
                          : CODE_OK; /* no bitmap goes there that nobody knows */
    if (tried == CODE_OK)
        tried = libvirt_migrate(host->libvirt, job->vm, &move, err);
    enum code code = settle(host, job->vm, &found, &again);
    if (code == CODE_LOST)
        return CODE_OK;
    if (code != CODE_OK)
        return code;
    host_known_put(host->known, &found.mark);
    host_post_domain(host, &found.mark, found.state, DOMAIN_CHANGED);
    return tried == CODE_OK ? CODE_HOST_FAILED : tried;
}

/* What is copied is what the disk has on top of its image. */
static bool is_as_made_ready(const struct host *host, const struct effect_job *job) {
    char image[limit_digest_size] = "";
    uint32_t gib = 0;
    return host_disk_read(&host->files, job->vm, &gib, image) &&
           gib == job->definition.size.disk_gib && text_equal(image, job->definition.image);
}

enum code host_migrate(struct host *host, const struct effect_job *job, struct error *err) {
    struct libvirt_domain found;
    struct error left = {0};
    enum code code = settle(host, job->vm, &found, err); /* an earlier process may have begun */
    if (code == CODE_OK && found.state != VM_RUNNING) {
        error_set(err, -EINVAL, "it is %s", vm_state_names[found.state]);
        return CODE_BAD_STATE;
    }
    if (code == CODE_OK && !is_as_made_ready(host, job)) {
        error_set(err, -EINVAL, "its disk is not of the image and size that are ready there");
        return CODE_BAD_STATE;
    }
    code = code == CODE_OK ? send_away(host, job, err) : code == CODE_LOST ? CODE_OK : code;
    if (code == CODE_OK && host_vm_remove(&host->files, job->vm, &left)) {
        char why[1024];
        shell_log(host->shell, LOG_WARNING, "host-files-left", "op=%s vm=%s why=%s", job->op,
                  job->vm, log_quote(left.text, why, sizeof(why)));
    }
    return code;
}

enum code host_adopt(struct host *host, const struct effect_job *job, struct error *err) {
    struct libvirt_domain found;
    enum code code = libvirt_find(host->libvirt, job->vm, &found, err);
    if (code == CODE_OK && found.mark.epoch != job->epoch) {
        error_set(err, -ENOENT, "there is a domain of epoch %" PRIu32, found.mark.epoch);
        return CODE_LOST;
    }
    if (code != CODE_OK)
        return code;
    host_known_put(host->known, &found.mark);
    if (found.state == VM_PAUSED)
        code = host_resume(host, job->vm, err);
    else if (found.state != VM_RUNNING) /* the host has lost power since */
        return host_start(host, job, LIBVIRT_MARK_KNOWN, err);
    if (code == CODE_OK)
        host_vm_note_boot(&host->files, job->vm);
    return code;
}
