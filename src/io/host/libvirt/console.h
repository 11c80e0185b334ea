/* A domain's serial console, as a descriptor: a connected socket, whose other end libvirt's loop
 * serves until either side has an end. The domain's stop is one; a reboot of the guest is none. */
#pragma once

#include "io/host/libvirt/connection.h"

/* CODE_OK, and the caller closes *out_fd. CODE_BUSY: somebody has the console; CODE_UNSUPPORTED:
 * the driver has none; others as of libvirt_look_up(). */
enum code libvirt_console(struct libvirt *libvirt, const char *vm, int *out_fd,
                          struct error *err);
