/* One domain: whose it is, and what it is now. */
#pragma once

#include "io/host/domain.h"
#include "io/host/libvirt/connection.h"
#include "io/host/libvirt/library.h"

/* The domain's mark. CODE_LOST: it is gone; CODE_CONFLICT: not of our making; CODE_HOST_FAILED. */
enum code libvirt_read_mark(virDomainPtr domain, struct host_domain_mark *out_mark,
                            struct error *err);

/* A domain in the hand, with the connection that it came by. */
struct ours {
    virConnectPtr connection;
    virDomainPtr domain;
    struct host_domain_mark mark;
};
void ours_clean(struct ours *ours);

/* The VM's domain; libvirt_look_up_known: it is known to be ours, and its mark is not read. Codes
 * as those of libvirt_read_mark. */
enum code libvirt_look_up(struct libvirt *libvirt, const char *vm, struct ours *out,
                          struct error *err);
enum code libvirt_look_up_known(struct libvirt *libvirt, const char *vm, struct ours *out,
                                struct error *err);

/* What the domain is now. */
enum code libvirt_state(virDomainPtr domain, enum vm_state *out_state, struct error *err);

/* Is the job that is under way on it this one? */
bool libvirt_does(virDomainPtr domain, virDomainJobOperation wanted);
