/* The shell: the event loop (libuv) around one role. It gathers what is ready, steps the role for
 * each event, commits all SAVE effects of the batch in one transaction, then performs the other
 * effects in order. It is the same for the three daemons; the simulator is the other shell.
 *
 * Messages of one batch to one peer travel as one frame (limit_frame_soft). */
#pragma once

#include "base/log.h"
#include "core/role.h"
#include "io/ports.h"
#include "io/store.h"

struct xmpp;
struct host;
struct rest;
struct image_fetcher;

/* The adapters of one daemon; those that its role has no use for are NULL. */
struct shell_ports {
    struct store *store;
    struct xmpp **links; /* by link index */
    size_t links_count;
    struct host *host;
    struct rest *rest;
    struct image_fetcher *fetcher;
};

/* Two steps, because adapters want the shell to post to: new, open the adapters, run. */
struct shell *shell_new(struct role *role, const struct log *log);

/* Loads the store, starts the role and serves until SIGTERM or SIGINT and the role's EFFECT_DONE,
 * or 10 s after the signal. Tells systemd readiness and stop. 0, or negative with `err`. */
int shell_run(struct shell *shell, const struct shell_ports *ports, struct error *err);
void shell_free(struct shell *shell);
