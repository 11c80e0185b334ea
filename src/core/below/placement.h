/* Where a VM goes: the choice of a peer for a size, the same for clusters and for hosts. */
#pragma once

#include "core/below/downlink.h"

enum placement {
    PLACEMENT_FOUND,
    PLACEMENT_NO_ROOM,     /* peers are up, none has room (or all that had refused) */
    PLACEMENT_UNREACHABLE, /* no peer that could take it is up */
    PLACEMENT_NO_LABELS,   /* no peer has the labels that it must have */
    PLACEMENT_NO_NETWORKS, /* none of those that are up has the networks */
    PLACEMENT_TOO_OLD,     /* none that has them understands what is asked for */
    PLACEMENT_NO_GROUP,    /* none that has them is as the group's rule wants it */
    PLACEMENT_NOT_ALLOWED, /* none of those that may be asked is there */
    PLACEMENT_RULED_OUT,   /* nor is any of these as the ruling wants it */
};

/* Who copies a VM's disk at intervals. */
enum copied_at {
    COPIED_NOWHERE,
    COPIED_HERE,  /* this level, to which hosts send it, or a manager below */
    COPIED_BELOW, /* a manager below alone */
};

/* What is looked for. The places here are this level's: hosts to a downstream manager, for which
 * GROUP_APART_CLUSTERS means that no other VM of the group is on the same host. */
struct placement_wish {
    const struct size *size;
    const struct placing *placing;
    const struct ruling *ruling;    /* what bounds it beside `placing`; NULL: nothing does */
    const char *networks;           /* by commas; NULL: none */
    const struct book_group *group; /* those that are somewhere already; NULL: nobody */
    const struct book_op *op;       /* who refused it is not asked; NULL: nobody has */
    const char *allowed;            /* names of those that may be asked (words); NULL or "": all */
    uint32_t version;               /* only peers that speak this one, or a later one; 0: any */
    enum on_loss leased;            /* only peers where leases of its kind are kept */
    bool hosts;                     /* no managers, whose hosts fetch no copy from here */
    enum copied_at copied;          /* only peers whose VMs' disks are copied at intervals */
    bool live;                      /* only peers that receive VMs that run */
    const char *image;              /* whoever has it is preferred, where that is so here */
};

/* The peer that is up, has room and is as the wish wants it: that which has most of the labels
 * that are preferred and fewest of those to be avoided; of those, that with most room, or with
 * least; of equals the first. O(log peers) for a wish without labels, networks, group, strategy
 * and names, since each change of what fits was counted at once (downlink.c); O(peers) with one.
 *
 * In its place one that has the image, where one is as good but for its room, and has at least half
 * as much of that: a download is spared, and VMs of one image still do not crowd where it came
 * first. (With STRATEGY_PACK: at most twice as much.) O(those who have it). */
enum placement placement_choose(const struct downlink *downlink,
                                const struct placement_wish *wish, struct peer **out_peer);

/* May a candidate that is not heard now be back before its hold-down ends? Then finding none is no
 * answer yet. */
bool placement_awaits(const struct downlink *downlink, const struct placement_wish *wish);

/* A definition was undone at `peer` with this code. Is that a refusal, which leads to the next
 * place? Then the VM stands nowhere, and the operation remembers who refused and why: whoever did
 * is not asked again. False: the operation ends with the code. */
bool placement_leads_on(struct book_vm *vm, const struct peer *peer, enum code code);

/* An operation that was loaded remembers who refused it before the restart. */
void placement_remember(const struct downlink *downlink, struct book_op *op);

/* The end of an operation that every place refused: their common reason, or no-capacity; and what
 * of the request stood in the way, where all say the same. */
enum code placement_verdict(const struct book_op *op);
enum obstacle placement_common_obstacle(const struct book_op *op);

/* Which word of the wish it is that nobody meets. */
enum obstacle placement_obstacle(const struct downlink *downlink,
                                 const struct placement_wish *wish, enum placement found);

/* Why none of the peers has it, for the owner of all of them, in place of what was noted before. */
void placement_explain(const struct downlink *downlink, const struct placement_wish *wish,
                       struct operation *op);

/* One reason more; `host` NULL: of none. Or none at all any more. */
void placement_hinder(struct operation *op, enum hindrance why, const char *host);
void placement_unhinder(struct operation *op);

/* Puts the VM at the peer with a new epoch and generation for it, and marks the step. */
void placement_put(struct peer *peer, struct book_vm *vm, struct book_op *op);

/* Takes the VM away from its place, if it has one. */
void placement_take(struct book_vm *vm);
