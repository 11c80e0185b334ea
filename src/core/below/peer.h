/* The manager's end of links, as data: all the agents of one manager (clusters upstream, hosts
 * downstream) with what they told and what is under way there. The rest of this folder works on it.
 *
 * Peer:   AWAY --hello--> UP --silence, presence gone, link down--> SUSPECT --hold-down--> AWAY
 *                          ^------------------ hello -------------------|
 * Only a peer that is UP gets instructions and new VMs. */
#pragma once

#include "base/tournament.h"
#include "core/below/pace.h"
#include "core/link/incarnation.h"
#include "core/link/session.h"
#include "message/leftover.h"

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

/* A VM that a place has and that is not known to be there (manager/leftovers.h). */
struct left {
    struct list node; /* in peer.leftovers */
    struct leftover is;
    uint32_t round;         /* of the table that told it last */
    char op[limit_id_size]; /* its removal; "": none */
    bool reallowed;         /* `allow` was told */
    char *allow;            /* who may begin to speak to it */
};

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
    struct list by_turned; /* in downlink.turned */
    uint32_t sync_round;
    bool table_is_torn;   /* of the VM table that it tells, something could not be read */
    bool overclaims;      /* it says that it has more than is believed of it */
    uint64_t overclaimed; /* how often, since the start */
    uint64_t unreadable;  /* messages of it that could not be read, since the start */
    uint64_t strangers;   /* VMs that it told of and that are not known to be there, likewise */
    uint64_t mismatched;  /* hellos of it in a version that is not spoken here, likewise */
    uint64_t unreflected; /* definitions and resizes sent that its capacity does not count yet */
    uint64_t *reserved;   /* [catalogue], how many they may be in the way of; NULL: none */
    struct amounts unreflected_size; /* their sum */
    uint64_t cordoned_ms; /* wall: since when it gets nothing new; 0: it does */
    enum host_duty duty;  /* then: what for */
    enum origin labels_from;
    char *labels;         /* ORIGIN_SET: in place of setting.labels */
    struct overcommit overcommit; /* what was set for it alone; 0: as for all */
    bool sends, receives; /* VMs that run: to other hosts, from them */
    char *networks;       /* as its newest hello said; NULL: none, or none came */
    struct holders **held; /* of the images that it says it has (below/holds.h) */
    uint32_t held_count;
    bool has_told;        /* its capacity, since the start */
    struct capacity capacity; /* as told, or stored; numbers only, as in a room */
    uint64_t *fits;       /* [catalogue], counts as told, or stored */
    uint64_t counted;     /* a bit for each of the catalogue that it told a count of */
    char *next_key;       /* that it is changing to, or NULL */
    struct capacity added; /* what it adds to the sum's numbers now */
    struct incarnation known, told; /* the newest that was believed; of a hello that was not */
    enum conflict conflict;
    uint64_t conflict_ms, conflict_now_ms; /* wall and monotonic: when it was seen last */
    uint64_t note_ms;     /* when the log may tell of another */
    struct list leftovers; /* left.node */
    size_t leftovers_count;
    uint64_t later;       /* the term of a later manager, as its newest hello said; 0: of none */
    bool has_spoken;      /* a hello, since the start */
    bool tells;           /* its incarnation */
    char software[limit_software_size]; /* as its newest hello said; "": none came */
    bool guarded, leased; /* as it said last: leases are kept there; VMs run by them */
    bool owes_evictions;  /* it has not been told of all that runs elsewhere: it gets no lease */
    bool evicts; /* files of what runs elsewhere are to be put aside there: no VM is restarted */
    uint64_t evict_number; /* of the newest of those messages in this session; 0: none */
    uint64_t evict_again_ms; /* when one that failed there is told again; 0: none has */
    bool is_held;         /* its lease has ended, and a person is to say what becomes of its VMs */
    bool is_off;          /* a person says that it is: its lease counts as ended */
    bool is_approved;     /* a person says that its VMs are to be restarted elsewhere */
    uint64_t expects_ms;  /* until then it is taken to have such VMs, whatever it says */
};

struct downlink {
    struct book *book; /* its role's, like the moment and the incarnation */
    const struct own_incarnation *own;
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
    uint64_t heard_ms;    /* monotonic: since when there is one; 0: there is none */
    struct list turned;   /* peer.by_turned: that came or went since the role last looked */
    uint64_t started_ms;  /* wall */
    uint64_t beat_ms, hold_down_ms, lease_ms;
    uint64_t anywhere_until_ms; /* our own lease, which is passed on; book_never: at the top */
    struct amounts most;  /* of each peer, where its own setting says nothing */
    struct overcommit overcommit; /* asked of all; 0: nothing is said of it */
    bool asks_why;        /* hosts are to say why something failed there */
    uint64_t usage_ms;    /* peers are to say this often what VMs use; 0: they are not */
    bool prefers_images;  /* who has a VM's image is preferred for it; peers are asked */
    struct map holders;   /* struct holders, by the image's digest */
    uint64_t sweep_due_ms;
    uint64_t recover_due_ms; /* when those whose lease has ended are looked at */
    uint64_t link_up_ms;  /* since when our own connection is up; 0: it is not */
    struct heap timers;   /* of peers whose session wants a tick */
    bool changed;         /* the sum is another since the role last looked */
    uint64_t first_hello_ms; /* monotonic; 0: nobody has said one since the start */
    uint64_t deposed;     /* the term of the later manager whom places follow; 0: none do */
    char next_key[limit_public_key_size]; /* that we are changing to, or "" */
    struct prng prng;
};
/* Is it up, and does it speak an older version than this? */
bool peer_is_old(const struct peer *peer, uint32_t version);
bool peer_is_up(const struct peer *peer);

/* Are hosts below it, which it alone knows? */
bool peer_is_manager(const struct peer *peer);
struct pinned_peer peer_pinned(struct peer *peer);
