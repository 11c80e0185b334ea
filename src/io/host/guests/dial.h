/* TCP connections to guests, dialled on the VM's own network alone: at an address that this machine
 * has itself seen the VM have (sightings_dial()), by the device of that network, without a router
 * on the way; and nothing is passed before the kernel has found the VM there, and nobody else. */
#pragma once

#include "base/error.h"
#include "io/host/libvirt/connection.h"
#include "message/code.h"

struct guest_port {
    const char *vm;
    uint32_t port;
};

/* Waits two seconds for each address, six at the most. CODE_OK: *out_fd is a socket that does not
 * block. CODE_BAD_STATE: the VM does not run. CODE_NOT_FOUND: no address of it is known here.
 * CODE_GUEST_IGNORED: nobody takes it there. With `err`. */
enum code guest_dial(struct libvirt *libvirt, const struct guest_port *to, int *out_fd,
                     struct error *err);
