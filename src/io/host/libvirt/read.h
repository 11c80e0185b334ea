/* What a domain has, read back where nothing else tells it any more. */
#pragma once

#include "io/host/libvirt/connection.h"
#include "message/model.h"

/* Fills in name, networks, processors, memory and snapshots, oldest first; those beyond
 * limit_snapshots are left out. The caller clears *out. */
enum code libvirt_read_vm(struct libvirt *libvirt, const char *vm, struct vm *out,
                          struct error *err);
