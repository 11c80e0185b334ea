/* Performs the effects of one turn, by the contract of core/turn.h: what is to be stored in one
 * transaction, then the others in order. It alone turns effects into calls of adapters and into
 * log lines. */
#pragma once

#include "core/turn.h"
#include "io/shell/outbox.h"

struct performer {
    const struct shell_ports *ports;
    const struct log *log;
    struct outbox outbox;
    struct text lines; /* of the log, of this turn */
    bool done; /* EFFECT_DONE was among them */
    struct effect_deposed deposed; /* later 0: it was not */
    uint64_t changes; /* that were stored since the start */
    struct turn turn; /* whether a transaction is open, and when it is due */
};

void performer_init(struct performer *performer, const struct shell_ports *ports,
                    const struct log *log);
void performer_deinit(struct performer *performer);

/* Performs and clears `effects`; what earlier turns left is committed when it is due. Negative with
 * `err` when a commit failed: nothing else of the turn was done, and the process must end. */
int performer_run(struct performer *performer, struct effects *effects, uint64_t now_ms,
                  struct error *err);

/* Ends the open transaction, if there is one. */
int performer_commit(struct performer *performer, struct error *err);
