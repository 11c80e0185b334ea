/* Performs the effects of one turn, by the contract of core/effect.h: all SAVE and FORGET in one
 * transaction, then the others in order. It alone turns effects into calls of adapters and into
 * log lines. */
#pragma once

#include "io/shell_outbox.h"

struct performer {
    const struct shell_ports *ports;
    const struct log *log;
    struct outbox outbox;
    bool done; /* EFFECT_DONE was among them */
};

void performer_init(struct performer *performer, const struct shell_ports *ports,
                    const struct log *log);
void performer_deinit(struct performer *performer);

/* Performs and clears `effects`. Negative with `err` when the commit failed: nothing else of the
 * batch was done, and the process must end. */
int performer_run(struct performer *performer, struct effects *effects, struct error *err);
