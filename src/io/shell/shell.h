/* The shell: the event loop (libuv) around one role. It gathers what is ready, steps the role for
 * each event, commits all SAVE effects of the batch in one transaction, then performs the other
 * effects in order: a turn. One thread at a time takes it, the loop's or one that serves (ports.h).
 * It is the same for the three daemons; the simulator is the other shell.
 *
 * Messages of one batch to one peer travel as one frame (limit_frame_batch), which leaves sealed
 * and is opened when it comes in: no carrier and no role meets the other's form of it. */
#pragma once

#include <inttypes.h>
#include <stdbool.h>

#include "base/log.h"
#include "core/role.h"
#include "io/shell/adapters.h"
#include "io/shell/ports.h"

/* Two steps, because adapters want the shell to post to: new, open the adapters, run. */
struct shell *shell_new(struct role *role, const struct log *log);

/* Of a manager that is not to serve, with its term and the later one: -ESTALE. */
#define SHELL_DEPOSED \
    "our term is %" PRIu64 ", and those below follow a manager by our name with term %" PRIu64 \
    ": another one runs with our key, or our store is an old copy. If this one is to serve, stop " \
    "the other and start this one once with --raise-term"

/* Loads the store, starts the role and serves until SIGTERM or SIGINT and the role's EFFECT_DONE,
 * or 10 s after the signal, or a second signal. Tells systemd readiness and stop. 0, or negative
 * with `err`: the store cannot be read or written, or the manager is deposed (-ESTALE). */
int shell_run(struct shell *shell, const struct shell_ports *ports, struct error *err);

/* Has the store's disk no room? From any thread. */
bool shell_disk_is_full(const struct shell *shell);

/* To be called after the adapters are closed, which post until then. */
void shell_free(struct shell *shell);
