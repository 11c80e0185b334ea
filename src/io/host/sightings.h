/* Addresses that were seen with somebody's MAC address, by whatever looked; and which of them are a
 * VM's own to tell: nobody else's, and none that the host itself has. */
#pragma once

#include <stddef.h>

#include "message/model.h"

enum sighted_by {
    BY_GUEST_AGENT, /* the guest's own word, and so its tenant's */
    BY_LEASE,       /* a network of libvirt's gave it */
    BY_NEIGHBOUR,   /* the host has heard it speak (ARP, IPv6's neighbour discovery) */
    SIGHTED_BY_COUNT,
};

struct sighting {
    enum sighted_by by;
    char mac[limit_mac_size];
    char ip[limit_ip_size];
    unsigned device; /* of this machine, where it was seen, or has it; 0: not known */
    unsigned prefix; /* of an own address: bits that all on the device's network share */
};

struct sightings {
    struct sighting *items;
    size_t count, capacity;
};

/* Whatever is no MAC address, or no IP address that a guest can have, is left out: NULL. Otherwise
 * what was added, until the next is. Bounded. */
struct sighting *sightings_add(struct sightings *sightings, enum sighted_by by, const char *mac,
                               const char *ip);
void sightings_clear(struct sightings *sightings); /* keeps the array */
void sightings_deinit(struct sightings *sightings);

/* Those of the VM's interfaces; of each from the first of the ways that shows any. `hosts`: what
 * the host itself has, whoever's MAC address it is seen with. How many. */
uint32_t sightings_pick(const struct sightings *sightings, const struct sightings *hosts,
                        const char *vm, struct vm_ip out_ips[limit_vm_ips]);

/* Where the VM may be dialled: an address seen with one of its MAC addresses by the machine itself
 * (what a guest says of itself is no reason), on a device whose own network the address is in, and
 * none that the machine itself has. How many. */
struct dialled {
    char ip[limit_ip_size];
    unsigned device;
};
uint32_t sightings_dial(const struct sightings *sightings, const struct sightings *hosts,
                        const char *vm, struct dialled out[limit_vm_ips]);

/* Does the machine hear the VM there, and nobody else? */
bool sightings_is_there(const struct sightings *sightings, const char *vm,
                        const struct dialled *dialled);
