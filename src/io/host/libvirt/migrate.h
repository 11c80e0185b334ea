/* Domains that go to another host while they run. libvirt's own daemons speak to each other for it
 * (peer to peer); disks are copied, into those that the other host has made ready.
 *
 * A domain that comes is transient until it has come for good, and stands still then
 * (VIR_MIGRATE_PAUSED): libvirt alone, where its connection breaks at the wrong moment, may let
 * both copies run. */
#pragma once

#include "io/host/libvirt/find.h"

/* What has become of a domain that is migrated, or was to be. CODE_OK: it is here, and whatever
 * was begun has ended; one that stood still for it runs on. CODE_LOST: it is not here.
 * CODE_HOST_FAILED: not known. */
enum code libvirt_settle(struct libvirt *libvirt, const char *vm,
                         struct libvirt_domain *out_domain, struct error *err);

/* Sends a running domain with its disk to another libvirt, where it stands still. What this
 * says is not the last word: libvirt_settle() has that. */
enum code libvirt_migrate(struct libvirt *libvirt, const char *vm,
                          const struct host_domain_move *move, struct error *err);

/* Ends every such sending, so that nobody waits for it; once libvirt_cancel() was called. */
void libvirt_give_up_sending(struct libvirt *libvirt);
