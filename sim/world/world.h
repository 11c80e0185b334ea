/* The simulated world: upstream managers, downstream managers (nested too) and agents of src/core
 * in one process, under virtual time, from one seed. It is the other shell: it performs the same
 * effects as io/shell/shell.c does, on a simulated network, disks and hosts that fail in every way.
 *
 * Random streams are apart (workload, network, disk, hosts, owner, fate, links), so that a change
 * in one does not reshuffle the others. What happens goes through heaps of occurrences, ticks and
 * turns, ordered by time and by the order in which they were set: a seed replays exactly.
 *
 * Here is what all rooms share: who is there, what will happen, and chance. parts/ has what they
 * are made of and what can fail (steps, disks, keys, links, hosts, processes), actors/ who does
 * what to them, laws/ what must hold, runs/ a seed from beginning to end. */
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "base/prng.h"
#include "core/books/book.h"
#include "core/link/lease.h"
#include "core/role.h"
#include "core/turn.h"
#include "sim/world/settings.h"
#include "sim/world/stats.h"

enum { sim_wall_start_ms = 1000000000, sim_shapes = 3, sim_notes_most = 200 };

/* The first that came of each stream of random numbers, by the room that draws from it. */
enum sim_stream {
    STREAM_WORKLOAD, STREAM_NETWORK, STREAM_DISK, STREAM_HOSTS, STREAM_OWNER, STREAM_FATE,
    STREAM_LINKS, STREAM_COUNT
};
struct sim_notes {
    uint64_t hash[STREAM_COUNT];
    uint32_t count[STREAM_COUNT];
};

struct sim_node;
struct sim_aside;
struct sim_carrier;
struct sim_relay;
struct fact;
struct laws;

/* A link's end: an account on a server. */
struct sim_link {
    struct sim_node *node;
    const struct sim_world *world;
    uint32_t index, server; /* the first of its servers */
    struct sim_carrier *carrier; /* carrier.h; NULL: it has one server, or its process is down */
    uint32_t cut;                /* the way to this server of its own, from 1; 0: none */
    uint64_t mended_ms;          /* when one was there again */
    char address[limit_address_size];
    uint64_t session; /* number in its newest hello */
    uint64_t first_key, key, next_key; /* ours: as configured; on disk; 0: it does not change */
    struct list pins;                  /* keys.c */
    bool up;
    /* a slow time: until slow_until_ms this much later, and so many bytes a second (0: any) */
    uint64_t slow_until_ms, stalled_until_ms;
    uint32_t later_ms, bytes_per_s;
    uint64_t out_ms, in_ms; /* when it has bytes to spare again, each way */
    uint64_t last_ms;       /* when the newest frame has left it */
};

struct sim_node {
    struct role *role;             /* NULL while it is down */
    uint32_t incarnation;          /* occurrences of an older one do not reach it */
    uint32_t index;
    struct role_settings settings; /* with arrays of its own */
    char name[limit_name_size];
    char migration_uri[limit_name_size + 32]; /* of a host */
    struct sim_link *links;
    uint32_t links_count;
    struct map disk;               /* "table/key" to struct sim_row: what was committed */
    struct list rows;
    uint64_t rows_count;
    struct list domains;           /* agents: what the host really has */
    struct list images;            /* agents, managers: struct sim_image, that are here */
    struct list jobs;              /* agents: occurrence.by_node of the jobs under way */
    struct list buckets;           /* managers: of their block stores (parts/blocks) */
    struct size host;              /* agents: what it offers */
    struct timer tick;             /* in world.ticks */
    struct timer turn_timer;       /* in world.turns, see shell.h */
    struct turn turn;              /* whether the transaction is open */
    struct effects pending;        /* of the steps of this turn */
    struct effects open;           /* of the open transaction: to be stored, not committed yet */
    bool lies;                     /* a host: of what it has */
    bool doomed;                   /* crashes in this turn */
    bool disk_full;                /* that of its VMs, or of its books */
    uint64_t full_told_ms;         /* when its process was told so; 0: it knows of none */
    uint64_t twin_ms;              /* when somebody else spoke by its key last; 0: never */
    struct sim_aside *aside;       /* upstream: the one that was followed; NULL: none is */
    bool is_followed;              /* that one is back, in place of its successor (aside.h) */
    bool gave_way;                 /* and has said that it is deposed */
    struct amounts *lent;          /* managers: to each, as was decided last */
    struct share *shared;          /* downstream: by each manager above, as was decided last */
    struct tenant_permissions *permitted; /* upstream: of each tenant, as was decided last */
    struct rule *ruled;            /* upstream: its operator's, as was decided last */
    uint32_t ruled_count;
    uint32_t at_once;              /* asked of it at a time, where several share it */
    bool cordoned;                 /* by the owner of its manager */
    enum host_duty duty;           /* then: what for */
    struct overcommit overcommit;  /* as that owner set it */
    struct overcommit most_lent;   /* and the most of it ever, 100 at the least */
    char labels[limit_labels + 1]; /* as its owner set them */
    uint32_t revoked;              /* downstream: a bit for each manager above */
    uint8_t permits[limit_uplinks]; /* downstream: which permissions of owners.c are in force */
    uint64_t permitted_ms;         /* when they were changed last */
    char stream_url[limit_name_size + 8]; /* managers */
    struct list guarded;           /* agents: struct sim_guarded, that the host's warden knows of */
    uint64_t until_ms[LEASE_REACH_COUNT]; /* agents: VMs that run by such a lease may until then,
                                           * by the host's clock */
    bool warden_is_away;           /* agents: it was killed, or hangs */
    bool is_suspended;             /* agents: with all that runs there */
    uint64_t stands_until_ms;      /* agents: till then the process does nothing */
    uint32_t deferred;             /* events that it has not seen for that, the last at... */
    uint64_t deferred_ms;
    int64_t clock_ms;              /* how far its wall clock is off */
    int64_t drift_ppm;             /* of its monotonic clock */
};

/* An image that a host has unpacked, or that a manager has fetched. */
struct sim_image {
    struct list node; /* in sim_node.images */
    uint32_t link;    /* a manager: for which one above */
    char digest[limit_digest_size];
};

/* A VM that a host's warden guards. */
struct sim_guarded {
    struct list node; /* in sim_node.guarded */
    uint32_t group;
    char vm[limit_id_size];
    bool is_ended; /* it is to be killed, whenever it runs */
};

/* What a server is, which decides what can go wrong at it: who is told who is there, and whether a
 * sender hears that nobody is. */
enum sim_server_kind {
    SERVER_XMPP,   /* tells who comes and goes */
    SERVER_RELAY,  /* ours (relays.h): tells both, to those whom it concerns */
    SERVER_BROKER, /* its clients tell each other; what cannot be delivered comes back */
    SERVER_QUIET,  /* nobody is told anything */
    SERVER_KIND_COUNT
};

struct sim_server {
    enum sim_server_kind kind;
    struct sim_relay *relay; /* SERVER_RELAY */
    uint32_t later_ms;       /* what goes by it takes so much longer than by others */
    uint64_t full_until_ms;  /* SERVER_BROKER: takes nothing in until then */
    bool up;
    bool is_cluster;   /* it is the first of nodes that have the same accounts */
    bool is_silent;    /* where it is down: its clients are not told */
    uint64_t since_ms; /* that it is up or down */
    struct sim_link **links;
    size_t links_count;
};

struct sim_world {
    struct sim_settings settings;
    uint64_t now_ms;
    struct heap occurrences, ticks, carriers, turns;
    uint64_t last_key;
    struct sim_node **nodes;
    uint32_t nodes_count;
    struct sim_server *servers;
    uint32_t servers_count;
    uint32_t downstreams_count, upstreams_count; /* of nodes */
    struct map names;     /* to struct sim_node */
    struct map addresses; /* to struct sim_link */
    struct map vms;       /* to struct sim_vm */
    struct prng workload, network, disk, hosts, owner, fate, links;
    struct shape shapes[sim_shapes];
    struct network networks[2];
    bool healing;         /* faults have stopped */
    uint64_t busy_ms;     /* when something other than a beat last happened */
    uint64_t hash;        /* of all that happened: equal for equal runs */
    uint64_t connections; /* to relays, so far */
    struct effects spare; /* memory for the next step's */
    struct stats stats;
    void (*observe)(struct sim_world *world, const struct fact *fact); /* fact.h; NULL: nobody */
    struct laws *laws; /* what they remember (laws.h) */
    /* workload */
    uint32_t requests;    /* sent */
    uint64_t last_handle;
    /* scripts (tests/scenario) */
    struct text *story;    /* every instruction, result, job and reply, one on a line */
    const char *lose;      /* the next frame that holds this is lost */
    const char *repeat;    /* the next frame that holds this comes again, after repeat_ms */
    uint64_t repeat_ms;
    const struct sim_node *slow; /* its jobs take slow_ms */
    uint64_t slow_ms;
    struct sim_ways *ways; /* of streams (parts/reach/ways.h); NULL: there are none */
    struct sim_notes *notes; /* NULL: nobody asks */
    struct text *uplinks; /* every uplink's bytes with their times, where they are wanted */
};

/* An empty one, in which time can pass; `uplinks` may be NULL. */
struct sim_world *world_new(const struct sim_settings *settings, struct text *uplinks);
void world_free(struct sim_world *world);

/* Has each link several servers (carrier.h)? */
bool world_has_spares(const struct sim_world *world);

/* A line of the trace, if one is wanted. */
void world_trace(const struct sim_world *world, const struct sim_node *node, const char *line);

/* Tells a fact to who observes the world. */
void world_observe(struct sim_world *world, const struct fact *fact);

/* Mixes what happened into the world's hash. */
void world_mix(struct sim_world *world, const char *bytes, size_t length);
void world_mix_number(struct sim_world *world, uint64_t number);

/* The keys that a frame is sealed by. */
struct sim_seal {
    uint64_t by, to;
};

/* A thing that happens later: the function is called with the world and what was given. */
struct occurrence {
    struct timer timer;
    void (*happen)(struct sim_world *world, struct occurrence *occurrence);
    struct sim_node *node;
    struct list by_node; /* jobs */
    uint32_t incarnation;
    uint32_t link;
    uint32_t line, from_line, attempt; /* carrier.h */
    uint64_t connection; /* relays.h */
    uint32_t number;
    enum code code;
    bool is_of_host;  /* it happens though the node's process stands still */
    bool is_of_clock; /* and though the host is suspended */
    struct event *event; /* step.c */
    struct effect_job *job;
    struct request *request;
    const struct sim_link *from;
    struct sim_seal seal;
    char *bytes;
    size_t length; /* of a frame's */
    struct frame frame; /* where it travels as it is (network.c) */
};

/* A new one, after `delay_ms`; filled in by the caller, who gives it what it points to. */
struct occurrence *world_later(struct sim_world *world, struct sim_node *node, uint64_t delay_ms,
                               void (*happen)(struct sim_world *, struct occurrence *));

/* Is the occurrence for a process that has gone? */
bool occurrence_is_stale(const struct occurrence *occurrence);

void occurrence_free(struct occurrence *occurrence);

/* What a room drew from its stream, or what it decided by that. */
void world_note(struct sim_world *world, enum sim_stream stream, uint64_t what);

/* True in `per_mille` of cases while faults are on. */
bool world_fault(struct sim_world *world, struct prng *prng, uint32_t per_mille);
