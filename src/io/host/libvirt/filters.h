/* libvirt's network filters (https://libvirt.org/formatnwfilter.html): what a VM may send into a
 * network, under which addresses. Ours are shared by all VMs, which name them in
 * their domains; libvirt puts a VM's own MAC address in, and keeps them from one start of its
 * daemon to the next. */
#pragma once

#include "io/host/domain.h"

struct _virConnect;
struct libvirt;

/* Can what the networks ask for be had from that libvirt? 0, or negative with `err`, which says
 * what the owner can do. Changes nothing. */
int filters_try(struct _virConnect *connection, const struct host_networks *networks,
                struct error *err);

/* Would rules of who may begin to speak to a VM be kept in that network? */
bool filters_keep_rules(const struct host_network *network);

/* Makes ours as they are to be there, wherever filters can be had: a VM that comes from another
 * host may want them. VMs that run have the new ones from then on. 0, or negative with `err`. */
int filters_define(struct libvirt *libvirt, const struct host_networks *networks,
                   struct error *err);
