/* What is done to a VM's domain as a whole. */
#pragma once

#include "base/text.h"
#include "io/host/libvirt/connection.h"

/* Replaces a definition of the same name and UUID. */
enum code libvirt_define(struct libvirt *libvirt, const char *xml, struct error *err);

/* Appends the definition that the VM's domain has for its next start. Codes as libvirt_find. */
enum code libvirt_definition(struct libvirt *libvirt, const char *vm, struct text *out,
                             struct error *err);

/* Has this process written or read the domain's mark, and seen no end of that domain since? */
enum libvirt_mark { LIBVIRT_MARK_UNREAD, LIBVIRT_MARK_KNOWN };

/* The acts: CODE_OK also when there is nothing left to do; otherwise as libvirt_find. */
enum code libvirt_start(struct libvirt *libvirt, const char *vm, enum libvirt_mark known,
                        struct error *err);
enum code libvirt_stop(struct libvirt *libvirt, const char *vm, struct error *err);

/* Starts it, and it stands still in memory until it is resumed; running already: no harm. */
enum code libvirt_begin(struct libvirt *libvirt, const char *vm, struct error *err);
enum code libvirt_undefine(struct libvirt *libvirt, const char *vm, struct error *err);

/* Hold a running guest in memory, let it run on, put its memory on disk for the next start, after
 * which it runs; CODE_BAD_STATE when it is off. */
enum code libvirt_pause(struct libvirt *libvirt, const char *vm, struct error *err);
enum code libvirt_resume(struct libvirt *libvirt, const char *vm, struct error *err);
enum code libvirt_suspend(struct libvirt *libvirt, const char *vm, struct error *err);

/* Ask the guest; CODE_BAD_STATE when it does not run. */
enum code libvirt_shutdown(struct libvirt *libvirt, const char *vm, struct error *err);
enum code libvirt_reset(struct libvirt *libvirt, const char *vm, struct error *err);
enum code libvirt_reboot(struct libvirt *libvirt, const char *vm, struct error *err);
