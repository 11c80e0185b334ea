/* libvirt behind VM ids: one connection that comes back by itself; what is done by it stands in the
 * other headers of this folder. Called by the host (io/host), from worker threads only: a call may
 * block for 30 s, and on a hung QEMU for ever. A domain without our mark is never touched and never
 * reported. */
#pragma once

#include "base/error.h"
#include "message/model.h"

struct libvirt;
struct _virConnect;

/* Called on libvirt's own threads; must not call back. `vm` is the id in the domain's name, which
 * need not be a domain of ours. */
struct libvirt_listener {
    void *context;
    void (*changed)(void *context, const char *vm, enum vm_state state);
    void (*rebooted)(void *context, const char *vm);
    void (*lost)(void *context); /* the connection: no event comes until it is back */
    void (*back)(void *context);
    /* The VM's QEMU stands still: whoever asked its monitor would wait. From any thread. */
    bool (*is_frozen)(void *context, const char *vm);
};

enum libvirt_driver { LIBVIRT_QEMU, LIBVIRT_TEST };

/* Connects; NULL with `err`. The listener is copied. */
struct libvirt *libvirt_new(const char *uri, const struct libvirt_listener *listener,
                            struct error *err);

/* From here on nothing waits for a lost connection. Then, when no call is under way: free. */
void libvirt_cancel(struct libvirt *libvirt);
void libvirt_free(struct libvirt *libvirt);

/* Waits; true when cancelled. The descriptor can be read from when that is so. */
bool libvirt_cancelled_within(const struct libvirt *libvirt, int milliseconds);
int libvirt_cancel_fd(const struct libvirt *libvirt);

enum libvirt_driver libvirt_driver(const struct libvirt *libvirt);

/* The host's processors and its capabilities (XML, the caller frees with memory_free). */
int libvirt_facts(struct libvirt *libvirt, uint32_t *out_cpus, char **out_capabilities,
                  struct error *err);

/* libvirt's connection, its virConnectPtr, with a reference for the caller. While it is lost, waits
 * for a few attempts. */
struct _virConnect *libvirt_use(struct libvirt *libvirt, struct error *err);

bool libvirt_is_frozen(const struct libvirt *libvirt, const char *vm);

/* Tell the listener what libvirt itself tells nobody: for whoever did it. */
void libvirt_tell_change(const struct libvirt *libvirt, const char *vm, enum vm_state state);
void libvirt_tell_reboot(const struct libvirt *libvirt, const char *vm);
