/* The IP addresses that libvirt knows of a domain's interfaces: by the guest's own agent, and by
 * the leases that libvirt's networks have given. The host's neighbours are read without libvirt,
 * whose reader fails on newer kernels ("wrong nlmsg len", seen with 9.0). */
#pragma once

#include "io/host/libvirt/connection.h"
#include "io/host/sightings.h"

enum libvirt_ips_ask { LIBVIRT_IPS_HOST, LIBVIRT_IPS_GUEST_TOO };

enum libvirt_ips {
    LIBVIRT_IPS_OFF,  /* the domain does not run, or is none of ours */
    LIBVIRT_IPS_READ,
    LIBVIRT_IPS_DEAF, /* but the guest's agent, which is there, was waited for in vain */
};

/* Adds what it sees, anybody's; waits two seconds for the guest's agent at the most. */
enum libvirt_ips libvirt_read_ips(struct libvirt *libvirt, const char *vm,
                                  enum libvirt_ips_ask ask, struct sightings *out);
