/* JOB_LOOK: what a VM has here, where the agent's books do not know it any more. */
#pragma once

#include "io/host/state.h"

/* Fills in what the domain and its disk tell; the caller clears *out. */
enum code host_read_found(struct host *host, const char *vm, struct vm *out, struct error *err);
