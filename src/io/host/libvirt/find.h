/* Domains of ours at this libvirt. */
#pragma once

#include "io/host/domain.h"
#include "io/host/libvirt/connection.h"

struct libvirt_domain {
    struct host_domain_mark mark;
    enum vm_state state;
};

/* All domains of ours that have come for good, after libvirt has found its running guests again.
 * The caller frees *out_domains with memory_free. */
int libvirt_list(struct libvirt *libvirt, struct libvirt_domain **out_domains, size_t *out_count,
                 struct error *err);

/* The domain of a VM. CODE_OK, CODE_LOST (there is none, or it has not come for good),
 * CODE_CONFLICT (the name is taken by one that is not ours), CODE_HOST_FAILED. */
enum code libvirt_find(struct libvirt *libvirt, const char *vm, struct libvirt_domain *out_domain,
                       struct error *err);
