/* Turns: what a shell owes to the steps that it has taken, and when. All that they save or forget
 * is stored in one transaction. What can be seen or felt outside of the process leaves only when
 * all that was stored before is committed. A turn of which nothing leaves needs no commit of its
 * own: if it is lost, nobody can tell that it was not lost a moment earlier. Its transaction stays
 * open for the turns that follow, but not for longer than turn_commit_ms.
 *
 * Production's shell (io/shell) and the simulator's (sim/parts/shell.h) both keep to this by
 * asking here: what the simulator proves is what production does. */
#pragma once

#include "core/effect.h"

enum { turn_commit_ms = 20 };

enum turn_way {
    TURN_STORES, /* in the transaction */
    TURN_LEAVES, /* can be seen or felt outside: after the commit */
    TURN_STAYS,  /* is done at once: if it is lost, nobody can tell, or it is wanted again */
};

enum turn_way turn_way(const struct effect *effect);

/* What is left of turns in between: the transaction. */
struct turn {
    bool is_open;
    uint64_t due_ms; /* when it is committed, if nothing leaves before; UINT64_MAX: none is open */
};

void turn_init(struct turn *turn); /* none is open */

/* A turn ends with these effects: the transaction is open from here on if one of them is stored.
 * True: it is committed, with what they store, before any other of them is performed. */
bool turn_must_commit(struct turn *turn, const struct effects *effects, uint64_t now_ms);

/* The transaction is committed, or given up with the process. */
void turn_close(struct turn *turn);
