/* The manager's end of links, as data: all the agents of one manager (clusters upstream, hosts
 * downstream) with what they told and what is under way there. The rest of this folder works on it.
 *
 * Peer:   AWAY --hello--> UP --silence, presence gone, link down--> SUSPECT --hold-down--> AWAY
 *                          ^------------------ hello -------------------|
 * Only a peer that is UP gets instructions and new VMs. */
#pragma once

#include "base/tournament.h"
#include "core/below/pace.h"
#include "core/link/session.h"

/* Sums and counts of one place or of all. fits[] stands in the catalogue's order. */
struct room {
    struct capacity total; /* numbers only; its fits are not used */
    uint64_t fits[limit_shapes];
};

/* What is left is counted modulo 2^64, and only the whole is cut off at 0 (law 1: which of the
 * places has less than nothing left, since a reservation and its capacity both count the same VM,
 * shows nowhere). */
static inline uint64_t room_left(uint64_t count) { return count > INT64_MAX ? 0 : count; }

struct downlink;

struct peer {
    struct peer_setting setting;
    struct downlink *downlink;
    struct session session;
    uint32_t endpoint;    /* that brought what was taken last */
    struct timer timer;   /* in downlink.timers: the session's */
    struct lane *lanes;   /* of each asker: instructions that wait for room or for their turn */
    enum peer_state state;
    uint64_t state_ms;    /* monotonic: when it became so */
    uint64_t seen_ms;     /* wall: when it became so */
    uint64_t lost_ms;     /* wall: when it was last heard no more; 0: not since the start */
    struct list vms;      /* book_vm.by_place */
    uint32_t sync_round;
    uint64_t unreflected; /* definitions and resizes sent that its capacity does not count yet */
    uint64_t *reserved;   /* [catalogue], how many they may be in the way of; NULL: none */
    struct size unreflected_size; /* their sum */
    uint64_t cordoned_ms; /* wall: since when it gets nothing new; 0: it does */
    enum host_duty duty;  /* then: what for */
    enum origin labels_from;
    char *labels;         /* ORIGIN_SET: in place of setting.labels */
    struct overcommit overcommit; /* what was set for it alone; 0: as for all */
    bool sends, receives; /* VMs that run: to other hosts, from them */
    char *networks;       /* as its newest hello said; NULL: none, or none came */
    bool has_told;        /* its capacity, since the start */
    struct capacity capacity; /* as told, or stored; numbers only, as in a room */
    uint64_t *fits;       /* [catalogue], counts as told, or stored */
    uint64_t counted;     /* a bit for each of the catalogue that it told a count of */
    char *next_key;       /* that it is changing to, or NULL */
    struct capacity added; /* what it adds to the sum's numbers now */
};

struct downlink {
    struct book *book; /* its role's, like the moment */
    struct moment *moment;
    struct peer *peers;
    size_t count;
    struct map by_address, by_name;
    struct shape catalogue[limit_shapes];
    size_t catalogue_count;
    struct room sum;      /* of the peers that are up */
    struct askers askers;   /* who share the peers; none: everything is one's */
    struct lane *lanes;   /* [peers x lanes_count()] */
    struct pace pace;     /* between askers, over all peers */
    struct tournament rooms[limit_shapes]; /* [catalogue], what each peer adds to the sum now */
    size_t up_count;      /* peers that are up */
    uint64_t beat_ms, hold_down_ms;
    struct overcommit overcommit; /* asked of all; 0: nothing is said of it */
    uint64_t sweep_due_ms;
    struct heap timers;   /* of peers whose session wants a tick */
    bool changed;         /* the sum is another since the role last looked */
    char next_key[limit_public_key_size]; /* that we are changing to, or "" */
    struct prng prng;
};
bool peer_is_up(const struct peer *peer);
