/* In which order a VM that runs by a lease is begun: registered, made to stand still in memory,
 * seen by the warden, let go. */
#include "io/host/start.h"

#include <string.h>

#include "io/host/guard.h"

enum code host_resume(struct host *host, const char *vm, struct error *err) {
    enum code code = CODE_OK;
    if (host_guard_keeps(host->guard, vm))
        code = host_guard_admit(host->guard, vm, err);
    return code == CODE_OK ? libvirt_resume(host->libvirt, vm, err) : code;
}

static enum code start_guarded(struct host *host, const char *vm, struct error *err) {
    struct error again = {0};
    enum code code = host_guard_prepare(host->guard, vm, err);
    if (code != CODE_OK)
        return code;
    host_guard_hush(host->guard, vm, true);
    code = libvirt_begin(host->libvirt, vm, err);
    if (code == CODE_OK)
        code = host_resume(host, vm, err);
    host_guard_hush(host->guard, vm, false);
    if (code == CODE_NO_LEASE)
        host_guard_undo(host->guard, vm);
    if (code == CODE_NO_LEASE && libvirt_stop(host->libvirt, vm, &again) != CODE_OK)
        error_wrap(err, "and it could not be stopped: %s; before that", again.text);
    return code;
}

/* libvirt looks for it at the start. Other hosts may have it, and a new VM leads on to them. */
static bool lacks_firmware(const struct effect_job *job, struct error *err) {
    bool lacks = job->definition.machine.firmware >= FIRMWARE_UEFI && strstr(err->text, "'efi'");
    return lacks && error_wrap(err, "this host has no such firmware (package ovmf)");
}

enum code host_start(struct host *host, const struct effect_job *job, enum libvirt_mark mark,
                     struct error *err) {
    enum code code = host_guard_keeps(host->guard, job->vm)
                         ? start_guarded(host, job->vm, err)
                         : libvirt_start(host->libvirt, job->vm, mark, err);
    if (code == CODE_HOST_FAILED && lacks_firmware(job, err))
        return CODE_NO_CAPACITY;
    if (code == CODE_OK && libvirt_driver(host->libvirt) == LIBVIRT_QEMU)
        host_vm_note_boot(&host->files, job->vm);
    return code;
}
