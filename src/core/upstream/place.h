/* Which cluster a VM gets: the first choice at its creation, and the next one after a refusal. */
#pragma once

#include "core/books/book.h"

struct call;
struct peer;
struct upstream;

/* The VM stands nowhere, since a cluster refused or none was heard: to the next one, or to the
 * creation's end; where one may be back before its hold-down ends, it waits for that. */
void upstream_try_next(struct upstream *upstream, struct book_vm *vm);

/* Chooses the cluster for a new VM, which this operation is to make; NULL: it has to wait for one.
 * False: what stands in the way has been answered. */
bool upstream_choose(const struct call *call, const struct operation *op, struct peer **out_peer);

/* The id by which those below know the group of a new VM: the same for each of them, and nothing
 * to read in it; "" without a group. */
void upstream_group_id(const struct call *call, char *out_id);
