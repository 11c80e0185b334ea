/* libvirt's own headers, which come in here alone, and what every call of that library needs: its
 * objects freed, and its errors as ours. Included by the .c files of this folder. */
#pragma once

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "base/error.h"
#include "message/code.h"

static inline void domain_clean(virDomainPtr *domain) {
    if (*domain)
        (void)virDomainFree(*domain);
}

static inline void connection_clean(virConnectPtr *connection) {
    if (*connection)
        (void)virConnectClose(*connection);
}

/* CODE_HOST_FAILED, with what was tried and what libvirt says of it. */
enum code libvirt_failed(struct error *err, const char *what);

/* CODE_BAD_STATE: a running domain cannot have that. */
enum code libvirt_cannot(struct error *err, const char *what);

/* The VM that the domain's name says; NULL: none of ours. */
const char *libvirt_vm_of(virDomainPtr domain);
