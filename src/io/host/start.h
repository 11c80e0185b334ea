/* How a VM comes to run here: at once, or, where it runs by a lease, not before the host's warden
 * has its process and lets it run. */
#pragma once

#include "io/host/libvirt/act.h"
#include "io/host/state.h"

/* Running already: no harm. CODE_NO_LEASE: its warden does not let it run, and it is off. */
enum code host_start(struct host *host, const struct effect_job *job, enum libvirt_mark mark,
                     struct error *err);

/* What stands still in memory goes on. */
enum code host_resume(struct host *host, const char *vm, struct error *err);
