/* One domain: whose it is, and what it is now. */
#pragma once

#include "io/host/domain.h"
#include "io/host/libvirt/library.h"

/* The domain's mark. CODE_LOST: it is gone; CODE_CONFLICT: not of our making; CODE_HOST_FAILED. */
enum code libvirt_read_mark(virDomainPtr domain, struct host_domain_mark *out_mark,
                            struct error *err);

/* The VM's domain, freed by the caller. out_mark NULL: it is known to be ours. Codes as those of
 * libvirt_read_mark. */
enum code libvirt_look_up(virConnectPtr connection, const char *vm, virDomainPtr *out_domain,
                          struct host_domain_mark *out_mark, struct error *err);

/* What the domain is now. */
enum code libvirt_state(virDomainPtr domain, enum vm_state *out_state, struct error *err);
