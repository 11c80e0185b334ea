/* What a host's agent has to do with its warden (isthmus-warden): it passes on which VMs run by a
 * lease, and until when; watches that the warden lives, and whom it has frozen; and lets nobody
 * run whom the warden has not taken on.
 *
 * Thread-safe. Orders come from the shell's turn, the rest from workers. */
#pragma once

#include <stdatomic.h>

#include "core/effect.h"
#include "io/shell/ports.h"

struct host_guard;

struct host_guard_settings {
    const char *folder;     /* the warden's */
    const char *uri;        /* libvirt's */
    const char *pid_folder; /* where it keeps its pid files; NULL: by the URI */
    struct shell *shell;
    const atomic_bool *closing; /* nobody is waited for any more */
};

struct host_guard *host_guard_new(const struct host_guard_settings *settings, struct error *err);
void host_guard_free(struct host_guard *guard); /* NULL: no harm */

/* Looks for the first time and tells (EVENT_GUARD), then again and again on a thread of its own.
 * Once more: no harm. */
void host_guard_begin(struct host_guard *guard);

/* EFFECT_GUARD. */
void host_guard_order(struct host_guard *guard, const struct effect_guard *order);

/* Does this VM run by a lease? Such a one is started in three steps: here, paused, admitted. */
bool host_guard_keeps(struct host_guard *guard, const char *vm);

/* Has the warden frozen it, by what was told last? */
bool host_guard_is_frozen(struct host_guard *guard, const char *vm);

/* The lease lasts for some seconds more, and the warden has the VM registered anew. CODE_NO_LEASE:
 * it has not, within some seconds, or there is no warden. */
enum code host_guard_prepare(struct host_guard *guard, const char *vm, struct error *err);

/* The warden has seen its process, and lets it run. CODE_NO_LEASE likewise. */
enum code host_guard_admit(struct host_guard *guard, const char *vm, struct error *err);

/* Has the warden end what was begun and may not run: libvirt would wait for a QEMU that stands
 * still. */
void host_guard_undo(struct host_guard *guard, const char *vm);

/* A VM that is begun paused tells of that, which nobody need know: true for the next such news. */
void host_guard_hush(struct host_guard *guard, const char *vm, bool is_begun);
bool host_guard_is_hushed(struct host_guard *guard, const char *vm);
