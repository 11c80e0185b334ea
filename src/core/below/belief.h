/* Whether what comes by a place's name is believed. A place whose hello tells another store than
 * before, or an older state of that store, gets no session: its VMs keep their states, what is to
 * be done there waits, and its owner or operator sees the conflict, and accepts it or finds out
 * who that is. A place that has heard of a later manager than this one gets no session either;
 * where more places say so than follow this one, this one is deposed. One place's word alone does
 * not end a manager that others follow.
 *
 *   BELIEVED --hello of another store, or an older one--> CONFLICT --accepted, or the store that
 *       ^                                                              is known says hello--+
 *       +-----------------------------------------------------------------------------------+   */
#pragma once

#include "core/link/incarnation.h"

struct downlink;
struct peer;

/* Judges the hello, and remembers what it tells. False: no session is opened by it. */
bool belief_on_hello(struct peer *peer, const struct hello *hello);

/* What was told last is what is known from here on. False: there is nothing to accept. */
bool belief_accept(struct peer *peer);

/* The place is given up: whoever comes by its name next is new. */
void belief_forget(struct peer *peer);

/* The conflict to be shown now. */
enum conflict belief_conflict(const struct peer *peer);
