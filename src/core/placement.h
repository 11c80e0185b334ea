/* Where a VM goes: the choice of a peer for a size, the same for clusters and for hosts. */
#pragma once

#include "core/downlink.h"

enum placement {
    PLACEMENT_FOUND,
    PLACEMENT_NO_ROOM,     /* peers are up, none has room (or all that had refused) */
    PLACEMENT_UNREACHABLE, /* no peer that could take it is up */
};

/* Spread: the peer that is up and fits most VMs of this size, the first of equals; never one
 * that refused `op` (which may be NULL). `only`: the one name that may be chosen, "": any.
 * O(log peers) at the most, since each change of what fits was counted at once (downlink.c). */
enum placement placement_choose(const struct downlink *downlink, const struct size *size,
                                const char *only, const struct book_op *op,
                                struct peer **out_peer);

/* A definition was undone at `peer` with this code. Is that a refusal, which leads to the next
 * place? Then the VM stands nowhere, and the operation remembers who refused and why: whoever did
 * is not asked again. False: the operation ends with the code. */
bool placement_leads_on(const struct downlink *downlink, struct book_vm *vm,
                        const struct peer *peer, enum code code, const struct event *event);

/* Of an operation that was loaded: who refused it before the restart. */
void placement_remember(const struct downlink *downlink, struct book_op *op);

/* The end of an operation that every place refused: their common reason, or no-capacity. */
enum code placement_verdict(const struct book_op *op);

/* Puts the VM at the peer with a new epoch and generation for it, and marks the step. */
void placement_put(struct peer *peer, struct book_vm *vm, struct book_op *op,
                   const struct event *event);

/* Takes the VM away from its place, if it has one. */
void placement_take(struct book_vm *vm);
