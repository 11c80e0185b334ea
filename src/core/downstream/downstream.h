/* The downstream manager: plays one agent toward each upstream manager, and is the real manager
 * of its hosts. What goes up is built from the cluster's aggregate and from results alone (law
 * 1): host names and addresses appear in book_vm.place and nowhere in what uplinks send.
 *
 * An instruction from above is judged, checked against the owner's limits, given a host and
 * passed on with an epoch and generation of this level; its result is passed up with those of
 * the level above. The pieces: downstream.c (life), downstream_up.c, downstream_down.c,
 * downstream_api.c (the owner's requests), downstream_host.c (of these those about a host),
 * downstream_drain.c (hosts that are to be empty), downstream_move.c (VMs that go from one host to
 * another), downstream_live.c (the same while they run), downstream_revoke.c (the end of a
 * lending). */
#pragma once

#include "core/books/book.h"
#include "core/below/downlink.h"
#include "core/manager/enrol.h"
#include "core/role.h"
#include "core/above/uplink.h"
#include "message/id.h"
#include "message/owner.h"

/* One upstream manager, what its owner lends it and what it uses. */
struct patron {
    struct uplink uplink;
    struct owner_limits limits; /* 0: none */
    struct owner_limits configured, used;
    enum limits_from from;      /* whether the owner has set other limits than configured */
    struct permissions permissions, permissions_configured;
    enum limits_from permissions_from;
    struct share share, share_configured;
    enum limits_from share_from;
    uint32_t under_way;         /* operations that it asked for and that have not ended */
    enum lending_phase phase;
    uint64_t revoked_ms, ends_ms; /* wall */
    uint64_t phase_due_ms;      /* monotonic: when the phase is looked at next; book_never */
    bool was_open;              /* its session, when last looked at … */
    uint64_t seen_ms;           /* … and when that changed, by the wall clock */
};

struct downstream {
    struct book book;
    struct downlink downlink;
    struct enrol enrol;
    struct patron *patrons;
    size_t patrons_count;
    uint32_t backlog;
    struct list waiting; /* book_vm.by_place of those that wait for their image */
    struct list moving;  /* book_vm.by_owner of those that are between two hosts */
    struct list rests;   /* the same of those that are not, and left something on another host */
    uint64_t drain_due_ms; /* when hosts that are to be empty are looked at next; book_never */
    struct list rebuilds; /* book_op.by_room of those that do at their place */
    struct id_maker ids;
    struct prng prng;
    bool stopping;
};

void downstream_init(struct downstream *downstream, const struct role_settings *settings);
void downstream_deinit(struct downstream *downstream);
void downstream_step(struct downstream *downstream, const struct event *event,
                     struct effects *out);
uint64_t downstream_deadline_ms(const struct downstream *downstream);
void downstream_check(const struct downstream *downstream);
