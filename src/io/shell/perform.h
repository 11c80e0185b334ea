/* Performs the effects of one turn, by the contract of core/effect.h: all SAVE and FORGET in one
 * transaction, then the others in order. It alone turns effects into calls of adapters and into
 * log lines.
 *
 * A turn of which nothing leaves the process (no message, reply or host job) needs no commit of
 * its own: if it is lost, nobody can tell that it was not lost a moment earlier. Its transaction
 * stays open and ends with the first turn of which something leaves, before that does, or when
 * the shell has waited long enough. */
#pragma once

#include "io/shell/outbox.h"

struct performer {
    const struct shell_ports *ports;
    const struct log *log;
    struct outbox outbox;
    struct text lines; /* of the log, of this turn */
    bool done; /* EFFECT_DONE was among them */
    bool open; /* a transaction is open */
};

void performer_init(struct performer *performer, const struct shell_ports *ports,
                    const struct log *log);
void performer_deinit(struct performer *performer);

/* Performs and clears `effects`. Negative with `err` when the commit failed: nothing else of the
 * batch was done, and the process must end. */
int performer_run(struct performer *performer, struct effects *effects, struct error *err);

/* Ends the open transaction, if there is one; performer->open says so. */
int performer_commit(struct performer *performer, struct error *err);
