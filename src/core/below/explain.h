/* Why an operation waits: worked out when somebody looks, from what the books and the links are at
 * that moment, so that it cannot be out of date. Both managers use it; what it finds of the level
 * below is this level's own view of its link to it, nothing from inside (law 1).
 *
 * Each operation under way waits for something that can be named, or it would never end: the
 * simulator demands it after each step (law 6). */
#pragma once

#include "core/below/downlink.h"

/* Into *out, which is nothing of an operation that has ended; the caller clears it. */
void explain_wait(const struct downlink *downlink, const struct book_op *op, struct waiting *out);

/* Since when nothing is heard of the VM, because its place is away or says so itself; 0: it is
 * heard of. Its state is as of then, and nobody guesses what it is now. */
uint64_t explain_unheard_ms(const struct downlink *downlink, const struct vm *vm);

enum explain_reader {
    EXPLAIN_TO_TENANT,  /* not what the manager's link does for others, too */
    EXPLAIN_TO_OPERATOR /* of this level: also a cluster's owner */
};

/* A copy of the operation's record with what it waits for; the caller clears it. */
struct operation explain_op(const struct downlink *downlink, const struct book_op *op,
                            enum explain_reader reader);
