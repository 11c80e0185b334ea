/* What libvirt counts of a domain since it began to run. */
#pragma once

#include "io/host/libvirt/connection.h"

struct libvirt_counters {
    int run;             /* libvirt's number of it; another one counts from 0 */
    uint64_t cpu_ns;
    uint64_t memory_kib; /* now */
    uint64_t disk_read, disk_written, net_received, net_sent; /* bytes */
};

/* False: it does not run, is none of ours, or cannot be asked now. What the driver does not count
 * stays 0. */
bool libvirt_read_counters(struct libvirt *libvirt, const char *vm, struct libvirt_counters *out);
