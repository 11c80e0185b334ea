/* VMs that a place has and this manager does not know to be there: heard of in its tables, listed,
 * and removed by the place when the owner or operator says so. What the two managers do to take one
 * in is their own. */
#pragma once

#include "core/manager/manager.h"

/* A row of a table that is about no VM which is known to be there. */
void leftovers_hear(struct manager *manager, struct peer *peer, const struct vm_report *report);

/* The whole table has been told: what was in no piece of it is not there. */
void leftovers_sweep(struct peer *peer);

/* A removal has ended. False: the result is about something else. */
bool leftovers_on_result(struct manager *manager, struct peer *peer, const struct result *result);

/* The one that the request's key and choice name; NULL, and that is answered: there is none. */
struct left *leftovers_find(const struct call *call, struct manager *manager,
                            struct peer **out_peer);

/* May it become one of the books? `vm`: as it is known here, NULL: it is not. False, and that is
 * answered. */
bool leftovers_may_be_taken(const struct call *call, const struct left *left,
                            const struct book_vm *vm);

/* The VM, which stands nowhere, stands there from here on; the leftover is none any more. */
void leftovers_take_in(struct peer *peer, struct left *left, struct book_vm *vm);

void leftovers_list(const struct call *call, struct manager *manager);
void leftovers_discard(const struct call *call, struct manager *manager);
