/* What is done to a domain. */
#include "io/host_libvirt_parts.h"

enum code libvirt_define(struct libvirt *libvirt, const char *xml, struct error *err) {
    auto_clean(connection_clean) virConnectPtr connection = libvirt_use(libvirt, err);
    if (!connection)
        return CODE_HOST_FAILED;
    auto_clean(domain_clean) virDomainPtr domain = virDomainDefineXML(connection, xml);
    return domain ? CODE_OK : libvirt_failed(err, "define the domain");
}

/* Runs `act` on the VM's domain. */
static enum code act_on(struct libvirt *libvirt, const char *vm, enum libvirt_mark known,
                        enum code (*act)(const struct libvirt *, virDomainPtr, struct error *),
                        struct error *err) {
    auto_clean(connection_clean) virConnectPtr connection = libvirt_use(libvirt, err);
    if (!connection)
        return CODE_HOST_FAILED;
    auto_clean(domain_clean) virDomainPtr domain = NULL;
    struct host_domain_mark mark, *to_read = known == LIBVIRT_MARK_KNOWN ? NULL : &mark;
    enum code code = libvirt_look_up(connection, vm, &domain, to_read, err);
    return code == CODE_OK ? act(libvirt, domain, err) : code;
}

static enum code start(const struct libvirt *libvirt, virDomainPtr domain, struct error *err) {
    (void)libvirt;
    enum code code =
        virDomainCreate(domain) == 0 ? CODE_OK : libvirt_failed(err, "start the domain");
    return code == CODE_OK || virDomainIsActive(domain) == 1 ? CODE_OK : code;
}

static enum code stop(const struct libvirt *libvirt, virDomainPtr domain, struct error *err) {
    (void)libvirt;
    if (virDomainIsActive(domain) == 0 || virDomainDestroy(domain) == 0)
        return CODE_OK;
    enum code code = libvirt_failed(err, "stop the domain");
    return virDomainIsActive(domain) == 0 ? CODE_OK : code;
}

static enum code undefine(const struct libvirt *libvirt, virDomainPtr domain, struct error *err) {
    unsigned flags = VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA;
    if (libvirt->driver == LIBVIRT_QEMU)
        flags |= VIR_DOMAIN_UNDEFINE_NVRAM | VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA;
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
    if (code == CODE_OK && libvirt->driver == LIBVIRT_TEST) /* that driver tells nobody */
        libvirt->listener.rebooted(libvirt->listener.context, libvirt_vm_of(domain));
    return code;
}

enum code libvirt_start(struct libvirt *libvirt, const char *vm, enum libvirt_mark known,
                        struct error *err) {
    return act_on(libvirt, vm, known, start, err);
}

enum code libvirt_stop(struct libvirt *libvirt, const char *vm, struct error *err) {
    return act_on(libvirt, vm, LIBVIRT_MARK_UNREAD, stop, err);
}

enum code libvirt_undefine(struct libvirt *libvirt, const char *vm, struct error *err) {
    return act_on(libvirt, vm, LIBVIRT_MARK_UNREAD, undefine, err);
}

enum code libvirt_shutdown(struct libvirt *libvirt, const char *vm, struct error *err) {
    return act_on(libvirt, vm, LIBVIRT_MARK_UNREAD, ask_shutdown, err);
}

enum code libvirt_reboot(struct libvirt *libvirt, const char *vm, struct error *err) {
    return act_on(libvirt, vm, LIBVIRT_MARK_UNREAD, ask_reboot, err);
}
