/* What the host has to offer, as its agent is told it by EVENT_HOST: at its opening, and whenever
 * its disk has changed much. */
#pragma once

#include "base/error.h"

struct host;

/* Asks libvirt and the machine, and tells. */
int host_look_first(struct host *host, const char *accelerator, const char *migration_uri,
                    struct error *err);

/* Looks at the disk, now and then: what of it is offered, whether it is full, and that no console's
 * log takes much of it. On the loop. */
void host_look(struct host *host);
