/* A daemon's own incarnation, and what it makes of those of others (message/incarnation.h). A store
 * that is lost, restored or copied shows in it: absence from a table is evidence only where the
 * store that tells it is the one that was told before, and a manager that was set aside must not be
 * obeyed once its successor has been heard.
 *
 *   one's own:  NEW --start--> term 1 --start--> term 2 ... --places tell of a later one--> DEPOSED
 *                                ^------- raised by a person: another store, a far higher term -+
 *
 * Both ends of every link use this. */
#pragma once

#include "core/link/pins.h"

struct prng;

/* Draws what a new store is and what this start is; what is loaded takes the former's place. */
void incarnation_init(struct own_incarnation *own, uint64_t seed);
void incarnation_load(struct own_incarnation *own, const struct record *record);

/* Another start, on disk before anything of it is told; not of a manager that was deposed. */
void incarnation_begin(struct own_incarnation *own, struct moment *moment);

/* Places have heard of a manager with a later term: written, for each start that follows. */
void incarnation_depose(struct own_incarnation *own, uint64_t later, struct moment *moment);

/* A person says that this store is the one that counts: its next term is above all that was heard
 * of, and above what a store that was copied from it gets by starts. It is another store from then
 * on, so that those above have to be asked as well. */
void incarnation_raise(struct own_incarnation *own, struct prng *prng);

/* Has whoever told `known` gone on, or is it the same start still? Nothing known: true. */
bool incarnation_follows(const struct incarnation *known, const struct incarnation *told);

/* What is to be thought of an end that told `known` before and `told` now. */
enum conflict incarnation_conflict(const struct incarnation *known,
                                   const struct incarnation *told);

/* The row of a peer on that side: read, where it is this peer's, and written or erased. */
void incarnation_load_known(struct incarnation *known, struct pinned_peer peer,
                            const struct record *record);
void incarnation_save_known(const struct incarnation *known, struct pinned_peer peer);
