/* The simulated world: upstream managers, downstream managers (nested too) and agents of src/core
 * in one process, under virtual time, from one seed. It is the other shell: it performs the same
 * effects as io/shell/shell.c does, on a simulated network, disks and hosts that fail in every way.
 *
 * Random streams are apart (workload, network, disk, hosts, owner, fate, links), so that a change
 * in one does not reshuffle the others. What happens goes through heaps of occurrences, ticks and
 * turns, ordered by time and by the order in which they were set: a seed replays exactly.
 *
 * The rooms: topology (who is there), shell (what a process does around its role), network, keys,
 * disk, carrier, hosts, faults, workload, check* (the laws), run (one seed from beginning to end),
 * many (seeds in processes of their own), population and scale (very many VMs). */
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "base/prng.h"
#include "core/books/book.h"
#include "core/below/pace.h"
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
struct sim_carrier;

/* All domains of one VM id, wherever they are: there should be one. */
struct sim_vm {
    char id[limit_id_size];
    struct list domains; /* sim_domain.by_vm */
    uint32_t running;
    uint32_t boots;
};

struct sim_snapshot {
    char name[limit_name_size];
    char op[limit_id_size]; /* which made it */
    bool memory;
    struct size size;
};

struct sim_domain {
    struct list by_node, by_vm;
    struct sim_vm *vm;
    struct sim_node *node;
    struct size size, started; /* started: what it had when it was */
    char image[limit_digest_size];
    char networks[limit_vm_network_names + 1]; /* as it was defined last */
    struct sim_snapshot snapshots[2 * limit_snapshots]; /* with those that were left half-made */
    uint32_t snapshots_count;
    uint32_t epoch;
    enum vm_state state;
    bool is_shell; /* files for one that is to come from another host, and no more */
    uint32_t boot; /* the VM's how many-th this guest has made */
    bool is_cut; /* since it was started, its host lost power */
    bool forgot; /* ... while it was known to be held in memory */
};

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
    struct sim_link *links;
    uint32_t links_count;
    struct map disk;               /* "table/key" to struct sim_row: what was committed */
    struct list rows;
    uint64_t rows_count;
    struct list domains;           /* agents: what the host really has */
    struct list jobs;              /* agents: occurrence.by_node of the jobs under way */
    struct size host;              /* agents: what it offers */
    struct timer tick;             /* in world.ticks */
    uint32_t steps;                /* with long books, see check_role() */
    struct timer turn_timer;       /* in world.turns, see shell.h */
    struct turn turn;              /* whether the transaction is open */
    struct effects pending;        /* of the steps of this turn */
    struct effects open;           /* of the open transaction: to be stored, not committed yet */
    bool doomed;                   /* crashes in this turn */
    struct owner_limits *used;     /* managers: by each party (owners.c), as checked last */
    struct owner_limits *lent;     /* managers: to each, as was decided last */
    struct share *shared;          /* downstream: by each manager above, as was decided last */
    struct pace pace;              /* of those, as it was checked last */
    struct tenant_permissions *permitted; /* upstream: of each tenant, likewise */
    uint32_t at_once;              /* asked of it at a time, where several share it */
    bool cordoned;                 /* by the owner of its manager */
    enum host_duty duty;           /* then: what for */
    struct overcommit overcommit;  /* as that owner set it */
    struct overcommit most_lent;   /* and the most of it ever, 100 at the least */
    char labels[32];               /* likewise */
    uint32_t revoked;              /* downstream: a bit for each manager above */
    uint8_t permits[limit_uplinks]; /* likewise: which permissions of owners.c are in force */
    int64_t clock_ms;              /* how far its wall clock is off */
    int64_t drift_ppm;             /* of its monotonic clock */
};

/* A committed record, as the bytes of the store's face: what that loses is lost. */
struct sim_row {
    struct list node;
    const struct table *table;
    char *bytes;
    char key[];
};

struct sim_server {
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
    struct effects spare; /* memory for the next step's */
    uint64_t trace_from;  /* steps before are not printed */
    struct stats stats;
    /* workload */
    uint32_t requests;    /* sent */
    uint64_t last_handle;
    /* what the checks remember */
    struct map promises;  /* to struct promise: what has to hold later; by key */
    struct list promised;
    /* scripts (tests/scenario) */
    struct text *story;    /* every instruction, result, job and reply, one on a line */
    const char *lose;      /* the next frame that holds this is lost */
    const char *repeat;    /* the next frame that holds this comes again, after repeat_ms */
    uint64_t repeat_ms;
    const struct sim_node *slow; /* its jobs take slow_ms */
    uint64_t slow_ms;
    struct sim_notes *notes; /* NULL: nobody asks */
    struct text *uplinks; /* every uplink's bytes with their times, where they are wanted */
};

/* A fact that a law is checked against later: an answered operation, a deadline, a used key. */
struct promise {
    struct list node;
    char key[128];
    char value[limit_id_size];
    uint64_t due_ms, allowed_ms;
    uint32_t count;
};

/* Who is there, but nobody started. `uplinks` may be NULL. */
struct sim_world *world_build(const struct sim_settings *settings, struct text *uplinks);

/* The same, and all have been started. */
struct sim_world *world_new(const struct sim_settings *settings, struct text *uplinks);
void world_free(struct sim_world *world);

/* Runs until `until_ms`. */
void world_run(struct sim_world *world, uint64_t until_ms);

/* Gives one event to a node; its effects follow at the end of the node's turn (shell.h). */
void world_step(struct sim_world *world, struct sim_node *node, struct event *event);

/* Ends a process: what was not committed is gone. It comes back after `after_ms`. */
void world_crash(struct sim_world *world, struct sim_node *node, uint64_t after_ms);
void world_restart(struct sim_world *world, struct sim_node *node);

/* Mixes what happened into the world's hash. */
void world_mix(struct sim_world *world, const char *bytes, size_t length);
void world_mix_number(struct sim_world *world, uint64_t number);

/* Adds a line to the story, if one is wanted. */
void world_tell(struct sim_world *world, const struct sim_node *node, const struct effect *effect);

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
    uint32_t number;
    enum code code;
    struct effect_job *job;
    struct request *request;
    const struct sim_link *from;
    struct sim_seal seal;
    char *bytes;
    struct frame frame; /* where it travels as it is (network.c) */
};

/* A new one, after `delay_ms`; filled in by the caller, who gives it what it points to. */
struct occurrence *world_later(struct sim_world *world, struct sim_node *node, uint64_t delay_ms,
                               void (*happen)(struct sim_world *, struct occurrence *));

/* Is the occurrence for a process that has gone? */
bool occurrence_is_stale(const struct occurrence *occurrence);

/* What a room drew from its stream, or what it decided by that. */
void world_note(struct sim_world *world, enum sim_stream stream, uint64_t what);

/* True in `per_mille` of cases while faults are on. */
bool world_fault(struct sim_world *world, struct prng *prng, uint32_t per_mille);

/* topology.c */
void topology_build(struct sim_world *world);
void topology_free(struct sim_world *world);
bool node_is_upstream(const struct sim_node *node);
uint64_t node_wall_ms(const struct sim_world *world, const struct sim_node *node);
/* Its monotonic clock, and the world's time at which that shows `due_ms`. */
uint64_t node_now_ms(const struct sim_world *world, const struct sim_node *node);
uint64_t node_world_ms(const struct sim_node *node, uint64_t due_ms);
struct sim_node *world_node(const struct sim_world *world, const char *name);

/* disk.c */
void disk_put(struct sim_world *world, struct sim_node *node, const struct record *record);
void disk_delete(struct sim_node *node, const struct record *record);
const struct sim_row *disk_row(const struct sim_node *node, const struct table *table,
                               const char *key);
/* Fills *out_record from the row; the caller deinits. */
void disk_read(struct sim_world *world, const struct sim_row *row, struct record *out_record);
void disk_load(struct sim_world *world, struct sim_node *node);
void disk_free(struct sim_node *node);

/* hosts.c */
void host_begin(struct sim_world *world, struct sim_node *node, const struct effect_job *job);
void host_end_of_process(struct sim_world *world, struct sim_node *node);
void host_power_loss(struct sim_world *world, struct sim_node *node);
void host_guest_dies(struct sim_world *world, struct sim_domain *domain);
void host_fetch_image(struct sim_world *world, struct sim_node *node, const char *digest);
struct sim_domain *host_domain(const struct sim_world *world, const struct sim_node *node,
                               const char *vm);
const struct sim_vm *host_vm(const struct sim_world *world, const char *vm);
/* The host has this VM from the beginning, with the epoch that the record tells. */
void host_has(struct sim_world *world, struct sim_node *node, const struct vm *vm);

/* The domain is defined, now or anew: its interfaces are those that the job names. */
void host_connect(struct sim_world *world, struct sim_domain *domain,
                  const struct effect_job *job);

/* What a job does to what the domain has (host_shape.c); out_state: what it is then. Half of it,
 * where it fails in the middle; and what the host says at its end. */
enum code host_reshape(struct sim_world *world, struct sim_domain *domain,
                       const struct effect_job *job, enum vm_state *out_state);
void host_reshape_half(struct sim_domain *domain, const struct effect_job *job);
void host_say(const struct sim_domain *domain, const struct effect_job *job,
              struct event_job *out);
void host_forget_all(struct sim_world *world);

/* Migration (host_live.c): what a job of it does to the hosts, half of it where it fails after both
 * have all of the VM, and what a host's loss of power does to those that others send it. */
enum code host_receive(struct sim_world *world, struct sim_node *node,
                       const struct effect_job *job);
enum code host_migrate(struct sim_world *world, struct sim_domain *domain,
                       const struct effect_job *job);
enum code host_adopt(struct sim_world *world, struct sim_domain *domain,
                     const struct effect_job *job);
void host_migrate_half(struct sim_world *world, struct sim_domain *domain,
                       const struct effect_job *job);
void host_cut_arrivals(struct sim_world *world, const struct sim_node *node);
/* Can it receive? */
bool host_receives(const struct sim_world *world, const struct sim_node *node);

/* For host_live.c. */
struct sim_domain *host_add_domain(struct sim_world *world, struct sim_node *node,
                                   const char *id, const struct size *size);
void host_take_away(struct sim_world *world, struct sim_domain *domain);
void host_move(struct sim_world *world, struct sim_domain *domain, enum vm_state state);
void host_tell_changed(struct sim_world *world, struct sim_domain *domain);

/* population.c: disks and hosts as they are when `settings.vms` were made on each host. */
void population_build(struct sim_world *world);

/* network.c */
/* Messages that travel as they are leave the effects. */
void network_send(struct sim_world *world, struct sim_node *node, struct effect *effects,
                  size_t count);
void network_link(struct sim_world *world, struct sim_node *node, uint32_t link,
                  enum presence presence);
/* A slow time of a connection may begin: it stalls and comes back with all its frames, has
 * another latency, or lets few bytes through. */
void network_slow(struct sim_world *world, struct sim_link *link);
/* The links of its clients follow, at once or as carrier.h says. */
void network_server(struct sim_world *world, uint32_t server, enum presence presence);

/* keys.c */
void keys_build(struct sim_world *world);
void keys_free(struct sim_link *link);
/* A process begins: it knows what is configured, then what its role tells. */
void keys_start(struct sim_world *world, struct sim_node *node);
void keys_started(struct sim_world *world, struct sim_node *node);
/* The link's key may begin to change, where it does not. */
void keys_change(struct sim_world *world, struct sim_link *link);
void keys_pin(struct sim_world *world, const struct sim_node *node, const struct effect *effect);
/* False: no key is pinned for it. */
bool keys_seal(const struct sim_world *world, const struct sim_link *from,
               const struct sim_link *to, struct sim_seal *out_seal);
/* False: it does not open. *out_next: the peer's next key, if it is sealed by that, or "". */
bool keys_open(struct sim_world *world, struct sim_link *link, const struct sim_link *from,
               const struct sim_seal *seal, char out_next[limit_public_key_size]);
bool keys_are_at_rest(const struct sim_world *world, char *what, size_t size);

/* faults.c */
void faults_begin(struct sim_world *world);
void faults_end(struct sim_world *world);

/* owners.c */
struct party {
    char name[limit_name_size];
};
/* Who is lent to: managers above by a cluster's owner, tenants by an upstream's operator. */
size_t owners_parties(const struct sim_world *world, const struct sim_node *node);
const char *owners_party(const struct sim_node *node, size_t which, struct party *out);
/* The number of the party with this name; how many there are: none has it. */
size_t owners_which(const struct sim_world *world, const struct sim_node *node,
                    const char *party);
void owners_begin(struct sim_world *world, struct sim_node *node);
void owners_reconfigure(struct sim_world *world, struct sim_node *node); /* while it is away */
void owners_remember(struct sim_world *world, struct sim_node *node);    /* after a restart */
/* The same for how those above stand beside each other (shares.c). */
void shares_begin(struct sim_world *world, struct sim_node *node);
void shares_remember(struct sim_world *world, struct sim_node *node);
void shares_act(struct sim_world *world, struct sim_node *node);
void shares_check_kept(struct sim_world *world, const struct sim_node *node);
/* What operators let each tenant's new VMs use (permits.c). */
void permits_begin(const struct sim_world *world, struct sim_node *node);
void permits_free(const struct sim_world *world, struct sim_node *node);
void permits_remember(struct sim_world *world, struct sim_node *node);
void permits_act(struct sim_world *world, struct sim_node *node);
void permits_check_kept(struct sim_world *world, const struct sim_node *node);
const struct tenant_permissions *permits_of(const struct sim_world *world,
                                            const struct sim_node *node, const char *tenant);
/* An owner's word, asked and answered; false: it was refused. */
bool owners_ask(struct sim_world *world, struct sim_node *node, struct request *request);
void owners_act(struct sim_world *world, struct sim_node *node);
/* What the node's owner lets the manager above ask for. */
const struct permissions *owners_permit(const struct sim_node *node, size_t manager);
/* When the world heals; false: some still end and cannot be restored yet. */
bool owners_restore(struct sim_world *world);
/* Law 8: what an owner was answered is on disk. */
/* Of one whose end is demanded: every host is open, and lends all that may be asked of it. */
void owners_relent(struct sim_world *world);
void owners_check_kept(struct sim_world *world, const struct sim_node *node);

/* workload.c */
void workload_begin(struct sim_world *world);
void workload_send(struct sim_world *world, struct sim_node *cloud, struct request *request);
/* What may become of a VM of this name when its host is to be empty. */
enum on_drain vm_on_drain(const struct sim_world *world, const char *name);
