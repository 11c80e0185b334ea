/* libvirt behind VM ids: one connection that comes back by itself, and a few acts on domains of
 * ours. Called by io/host/host.c, from worker threads only: a call may block for 30 s, and on a
 * hung QEMU for ever. A domain without our mark is never touched and never reported. */
#pragma once

#include "base/error.h"
#include "core/event.h"
#include "io/host/domain.h"

struct libvirt;

/* Called on libvirt's own threads; must not call back. `vm` is the id in the domain's name, which
 * need not be a domain of ours. */
struct libvirt_listener {
    void *context;
    void (*changed)(void *context, const char *vm, enum vm_state state);
    void (*rebooted)(void *context, const char *vm);
    void (*lost)(void *context); /* the connection: no event comes until it is back */
    void (*back)(void *context);
};

enum libvirt_driver { LIBVIRT_QEMU, LIBVIRT_TEST };

/* Connects; NULL with `err`. The listener is copied. */
struct libvirt *libvirt_new(const char *uri, const struct libvirt_listener *listener,
                            struct error *err);

/* From here on nothing waits for a lost connection. Then, when no call is under way: free. */
void libvirt_cancel(struct libvirt *libvirt);
void libvirt_free(struct libvirt *libvirt);

/* Waits; true when cancelled. */
bool libvirt_cancelled_within(const struct libvirt *libvirt, int milliseconds);

enum libvirt_driver libvirt_driver(const struct libvirt *libvirt);

/* The host's processors and its capabilities (XML, the caller frees with memory_free). */
int libvirt_facts(struct libvirt *libvirt, uint32_t *out_cpus, char **out_capabilities,
                  struct error *err);

struct libvirt_domain {
    struct host_domain_mark mark;
    enum vm_state state;
};

/* All domains of ours that have come for good, after libvirt has found its running guests again.
 * The caller frees *out_domains with memory_free. */
int libvirt_list(struct libvirt *libvirt, struct libvirt_domain **out_domains, size_t *out_count,
                 struct error *err);

/* The domain of a VM. CODE_OK, CODE_LOST (there is none, or it has not come for good),
 * CODE_CONFLICT (the name is taken by one that is not ours), CODE_HOST_FAILED. */
enum code libvirt_find(struct libvirt *libvirt, const char *vm, struct libvirt_domain *out_domain,
                       struct error *err);

/* Replaces a definition of the same name and UUID. */
enum code libvirt_define(struct libvirt *libvirt, const char *xml, struct error *err);

/* Has this process written or read the domain's mark, and seen no end of that domain since? */
enum libvirt_mark { LIBVIRT_MARK_UNREAD, LIBVIRT_MARK_KNOWN };

/* The acts: CODE_OK also when there is nothing left to do; otherwise as libvirt_find. */
enum code libvirt_start(struct libvirt *libvirt, const char *vm, enum libvirt_mark known,
                        struct error *err);
enum code libvirt_stop(struct libvirt *libvirt, const char *vm, struct error *err);
enum code libvirt_undefine(struct libvirt *libvirt, const char *vm, struct error *err);

/* Hold a running guest in memory, let it run on, put its memory on disk for the next start, after
 * which it runs; CODE_BAD_STATE when it is off. */
enum code libvirt_pause(struct libvirt *libvirt, const char *vm, struct error *err);
enum code libvirt_resume(struct libvirt *libvirt, const char *vm, struct error *err);
enum code libvirt_suspend(struct libvirt *libvirt, const char *vm, struct error *err);

/* What has become of a domain that is migrated, or was to be. CODE_OK: it is here, and whatever
 * was begun has ended; one that stood still for it runs on. CODE_LOST: it is not here.
 * CODE_HOST_FAILED: not known. */
enum code libvirt_settle(struct libvirt *libvirt, const char *vm,
                         struct libvirt_domain *out_domain, struct error *err);

/* Sends a running domain with its disk to the libvirt at `uri`, where it stands still. What this
 * says is not the last word: libvirt_settle() has that. */
enum code libvirt_migrate(struct libvirt *libvirt, const char *vm, const char *uri,
                          const struct host_domain_move *move, struct error *err);

/* Ends every such sending, so that nobody waits for it; once libvirt_cancel() was called. */
void libvirt_give_up_sending(struct libvirt *libvirt);

/* Ask the guest; CODE_BAD_STATE when it does not run. */
enum code libvirt_shutdown(struct libvirt *libvirt, const char *vm, struct error *err);
enum code libvirt_reboot(struct libvirt *libvirt, const char *vm, struct error *err);

/* Gives a running domain another size, as far as the driver and the guest do that; CODE_BAD_STATE
 * where it has to be off for it, CODE_GUEST_IGNORED. What has failed half-way is taken back as far
 * as it can be. */
enum code libvirt_resize(struct libvirt *libvirt, const char *vm, const struct size *to,
                         struct error *err);

/* Processors and memory that the domain has, at the most; the disk is not looked at. */
enum code libvirt_size(struct libvirt *libvirt, const char *vm, struct size *out_size,
                       struct error *err);

/* The job's snapshot: taken (of a running domain with its memory), deleted, reverted to, which
 * leaves the domain as it was then, its definition, too. CODE_NOT_FOUND: nothing to revert to. */
enum code libvirt_snapshot(struct libvirt *libvirt, const struct effect_job *job,
                           bool *out_memory, struct error *err);
enum code libvirt_snapshot_delete(struct libvirt *libvirt, const struct effect_job *job,
                                  struct error *err);
enum code libvirt_revert(struct libvirt *libvirt, const struct effect_job *job,
                         struct error *err);

/* All snapshots, whose disk is about to go. */
enum code libvirt_forget_snapshots(struct libvirt *libvirt, const char *vm, struct error *err);

/* name "": any. */
enum snapshots_left libvirt_snapshots_left(struct libvirt *libvirt, const char *vm,
                                           const char *name);
