/* More memory for a domain that runs: a module (DIMM) is plugged in, and the guest takes it up.
 *
 * That it has done so is seen where the guest has a balloon driver, which tells how much memory it
 * has; it is asked for that while the growth lasts. Where nothing tells, what libvirt says of the
 * domain is all there is. A module goes only when the guest lets it go. */
#pragma once

#include "io/host/libvirt/connection.h"
#include "io/host/libvirt/library.h"

/* Makes a running domain's memory larger than it is. CODE_BAD_STATE: nothing was done;
 * CODE_GUEST_IGNORED: it is larger, and not used. */
enum code libvirt_grow(const struct libvirt *libvirt, virDomainPtr domain, uint64_t to_mib,
                       struct error *err);

/* Takes out again what made the memory so large, if the guest lets it go. What the domain has
 * afterwards libvirt_size tells. */
void libvirt_ungrow(const struct libvirt *libvirt, virDomainPtr domain, uint64_t from_mib,
                    uint64_t to_mib);
