/* An act that fails may have found nothing left to do: what the domain is afterwards decides. */
#include "io/host/libvirt/act.h"

#include <stdlib.h>

#include "io/host/libvirt/look_up.h"

enum code libvirt_define(struct libvirt *libvirt, const char *xml, struct error *err) {
    auto_clean(connection_clean) virConnectPtr connection = libvirt_use(libvirt, err);
    if (!connection)
        return CODE_HOST_FAILED;
    auto_clean(domain_clean) virDomainPtr domain = virDomainDefineXML(connection, xml);
    return domain ? CODE_OK : libvirt_failed(err, "define the domain");
}

enum code libvirt_definition(struct libvirt *libvirt, const char *vm, struct text *out,
                             struct error *err) {
    auto_clean(ours_clean) struct ours ours = {0};
    enum code code = libvirt_look_up(libvirt, vm, &ours, err);
    if (code != CODE_OK)
        return code;
    char *xml = virDomainGetXMLDesc(ours.domain,
                                    VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
    if (!xml)
        return libvirt_failed(err, "read the domain's definition");
    text_add(out, xml);
    free(xml);
    return CODE_OK;
}

/* Runs `act` on the VM's domain. */
static enum code act_on(struct libvirt *libvirt, const char *vm,
                        enum code (*act)(const struct libvirt *, virDomainPtr, struct error *),
                        struct error *err) {
    auto_clean(ours_clean) struct ours ours = {0};
    enum code code = libvirt_look_up(libvirt, vm, &ours, err);
    return code == CODE_OK ? act(libvirt, ours.domain, err) : code;
}

/* What is off stays off: nothing saved is left that a start would go on with. The event of it comes
 * from nowhere else. */
static enum code forget_saved(const struct libvirt *libvirt, virDomainPtr domain,
                              struct error *err) {
    if (virDomainHasManagedSaveImage(domain, 0) != 1)
        return CODE_OK;
    if (virDomainManagedSaveRemove(domain, 0) < 0)
        return libvirt_failed(err, "remove the domain's saved memory");
    libvirt_tell_change(libvirt, libvirt_vm_of(domain), VM_STOPPED);
    return CODE_OK;
}

static enum code stop(const struct libvirt *libvirt, virDomainPtr domain, struct error *err) {
    if (virDomainIsActive(domain) == 0)
        return forget_saved(libvirt, domain, err);
    if (virDomainDestroy(domain) == 0)
        return CODE_OK;
    enum code code = libvirt_failed(err, "stop the domain");
    return virDomainIsActive(domain) == 0 ? CODE_OK : code;
}

/* An act that has failed on a domain may have found nothing left to do, or nothing to do it to. */
static enum code settle(virDomainPtr domain, enum vm_state wanted, const char *what,
                        struct error *err) {
    enum vm_state state;
    enum code code = libvirt_failed(err, what);
    struct error again = {0};
    if (libvirt_state(domain, &state, &again) != CODE_OK)
        return code;
    bool is_off = state != VM_RUNNING && state != VM_PAUSED;
    return state == wanted ? CODE_OK : is_off ? CODE_BAD_STATE : code;
}

static enum code pause_it(const struct libvirt *libvirt, virDomainPtr domain, struct error *err) {
    (void)libvirt;
    return virDomainSuspend(domain) == 0 ? CODE_OK
                                         : settle(domain, VM_PAUSED, "pause the domain", err);
}

static enum code resume(const struct libvirt *libvirt, virDomainPtr domain, struct error *err) {
    (void)libvirt;
    return virDomainResume(domain) == 0 ? CODE_OK
                                        : settle(domain, VM_RUNNING, "resume the domain", err);
}

static enum code suspend(const struct libvirt *libvirt, virDomainPtr domain, struct error *err) {
    (void)libvirt;
    return virDomainManagedSave(domain, VIR_DOMAIN_SAVE_RUNNING) == 0
               ? CODE_OK
               : settle(domain, VM_SUSPENDED, "save the domain's memory", err);
}

static enum code undefine(const struct libvirt *libvirt, virDomainPtr domain, struct error *err) {
    unsigned flags = VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA;
    if (libvirt_driver(libvirt) == LIBVIRT_QEMU)
        flags |= VIR_DOMAIN_UNDEFINE_KEEP_NVRAM | /* it goes, or stays, with the VM's folder */
                  VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA;
    if (virDomainUndefineFlags(domain, flags) == 0 || virGetLastErrorCode() == VIR_ERR_NO_DOMAIN)
        return CODE_OK;
    return libvirt_failed(err, "undefine the domain");
}

/* Only a running guest hears a question. */
static enum code asked(virDomainPtr domain, int outcome, const char *what, struct error *err) {
    if (outcome == 0)
        return CODE_OK;
    enum code code = libvirt_failed(err, what);
    return virDomainIsActive(domain) == 0 ? CODE_BAD_STATE : code;
}

static enum code ask_shutdown(const struct libvirt *libvirt, virDomainPtr domain,
                              struct error *err) {
    (void)libvirt;
    return asked(domain, virDomainShutdown(domain), "shut the domain down", err);
}

static enum code ask_reboot(const struct libvirt *libvirt, virDomainPtr domain,
                            struct error *err) {
    enum code code = asked(domain, virDomainReboot(domain, 0), "reboot the domain", err);
    if (code == CODE_OK && libvirt_driver(libvirt) == LIBVIRT_TEST) /* that driver tells nobody */
        libvirt_tell_reboot(libvirt, libvirt_vm_of(domain));
    return code;
}

/* Its memory is as at a start; what it had not written is lost. */
static enum code reset(const struct libvirt *libvirt, virDomainPtr domain, struct error *err) {
    (void)libvirt;
    return asked(domain, virDomainReset(domain, 0), "reset the domain", err);
}

enum code libvirt_start(struct libvirt *libvirt, const char *vm, enum libvirt_mark known,
                        struct error *err) {
    auto_clean(ours_clean) struct ours ours = {0};
    enum code code = known == LIBVIRT_MARK_KNOWN ? libvirt_look_up_known(libvirt, vm, &ours, err)
                                                 : libvirt_look_up(libvirt, vm, &ours, err);
    if (code != CODE_OK || virDomainCreate(ours.domain) == 0)
        return code;
    code = libvirt_failed(err, "start the domain");
    return virDomainIsActive(ours.domain) == 1 ? CODE_OK : code;
}

static enum code begin(const struct libvirt *libvirt, virDomainPtr domain, struct error *err) {
    (void)libvirt;
    if (virDomainCreateWithFlags(domain, VIR_DOMAIN_START_PAUSED) == 0)
        return CODE_OK;
    enum code code = libvirt_failed(err, "start the domain");
    return virDomainIsActive(domain) == 1 ? CODE_OK : code;
}

enum code libvirt_begin(struct libvirt *libvirt, const char *vm, struct error *err) {
    return act_on(libvirt, vm, begin, err);
}

enum code libvirt_stop(struct libvirt *libvirt, const char *vm, struct error *err) {
    return act_on(libvirt, vm, stop, err);
}

enum code libvirt_undefine(struct libvirt *libvirt, const char *vm, struct error *err) {
    return act_on(libvirt, vm, undefine, err);
}

enum code libvirt_shutdown(struct libvirt *libvirt, const char *vm, struct error *err) {
    return act_on(libvirt, vm, ask_shutdown, err);
}

enum code libvirt_pause(struct libvirt *libvirt, const char *vm, struct error *err) {
    return act_on(libvirt, vm, pause_it, err);
}

enum code libvirt_resume(struct libvirt *libvirt, const char *vm, struct error *err) {
    return act_on(libvirt, vm, resume, err);
}

enum code libvirt_suspend(struct libvirt *libvirt, const char *vm, struct error *err) {
    return act_on(libvirt, vm, suspend, err);
}

enum code libvirt_reset(struct libvirt *libvirt, const char *vm, struct error *err) {
    return act_on(libvirt, vm, reset, err);
}

enum code libvirt_reboot(struct libvirt *libvirt, const char *vm, struct error *err) {
    return act_on(libvirt, vm, ask_reboot, err);
}
