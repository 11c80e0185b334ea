/* What the host has to offer, as its agent is told it by EVENT_HOST: at its opening, and whenever
 * its disk has changed much. */
#pragma once

#include "io/host/domain.h"

struct host;

/* Asks libvirt and the machine, and tells. */
int host_look_first(struct host *host, const char *accelerator, const char *migration_uri,
                    struct error *err);

struct host_trial {
    const char *uri, *accelerator;
    struct host_networks networks;
};

/* Whether this machine is fit to be a host: its libvirt, networks, qemu-img, KVM where that is
 * demanded. Without a host that is open. 0, or negative with `err`; `out_note`: what is well to
 * know all the same, or empty. */
int host_try(const struct host_trial *trial, struct error *out_note, struct error *err);

/* Looks at the disk, now and then: what of it is offered, whether it is full, and that no console's
 * log takes much of it. On the loop. */
void host_look(struct host *host);
