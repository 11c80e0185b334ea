/* libvirt's errors in our words. */
#include "io/host/libvirt/library.h"

#include <errno.h>

#include "io/host/domain.h"

enum code libvirt_failed(struct error *err, const char *what) {
    const char *why = virGetLastErrorMessage();
    error_set(err, -EIO, "%s: %s", what, why ? why : "libvirt does not say why");
    return CODE_HOST_FAILED;
}

enum code libvirt_cannot(struct error *err, const char *what) {
    error_set(err, -EBUSY, "%s, which a running domain cannot have: stop it first", what);
    return CODE_BAD_STATE;
}

const char *libvirt_vm_of(virDomainPtr domain) {
    const char *name = virDomainGetName(domain);
    return name ? host_domain_vm(name) : NULL;
}
