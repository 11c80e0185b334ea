/* A domain's screen, keyboard and pointer, as a descriptor that speaks RFB (VNC): a way into QEMU
 * for each who asks, since it listens nowhere. It ends with the domain. */
#pragma once

#include "io/host/libvirt/connection.h"

/* CODE_OK, and the caller closes *out_fd. CODE_UNSUPPORTED: the domain was made without a screen,
 * or the driver has none; CODE_BAD_STATE: it does not run; others as of libvirt_look_up(). */
enum code libvirt_screen(struct libvirt *libvirt, const char *vm, int *out_fd, struct error *err);
