/* The simulated world: upstream managers, downstream managers and agents of src/core in one
 * process, under virtual time, from one seed. It is the other shell: it performs the same effects
 * as io/shell.c does, on a simulated network, disks and hosts that can fail in every way.
 *
 * Random streams are apart (workload, network, node, host), so that a change in one does not
 * reshuffle the others. Everything that happens goes through one heap of occurrences, ordered by
 * time and by the order in which they were set: a seed replays exactly. */
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "base/prng.h"
#include "core/book.h"
#include "core/role.h"

enum {
    sim_servers = 8,
    sim_nodes = 64,
    sim_links = 4,
    sim_wall_start_ms = 1000000000,
};

/* How bad the world is; chances are per thousand unless they say otherwise. */
struct sim_faults {
    uint32_t lose, repeat, reorder; /* of a frame */
    uint32_t crash;                 /* of a node, per step, split over the points of a step */
    uint32_t server_death;          /* of a server, per simulated minute */
    uint32_t job_failure;           /* of a host job */
    uint32_t guest_ignores;         /* a shutdown or reboot */
    uint32_t guest_dies;            /* per running VM and minute */
    uint32_t power_loss;            /* of a host, per minute */
    uint32_t job_hangs;             /* a job takes minutes */
};

struct sim_settings {
    uint64_t seed;
    uint32_t clusters, agents; /* agents in each cluster */
    uint32_t tenants;
    uint32_t operations;       /* requests that change something, in all */
    struct sim_faults faults;
    bool trace;                /* a readable line per step on standard output */
};

struct sim_domain {
    struct list node;
    char vm[limit_id_size];
    uint32_t epoch;
    enum vm_state state;
};

/* A link's end: an account on a server. */
struct sim_link {
    uint32_t server;
    char address[limit_address_size];
    bool up;
};

struct sim_node {
    struct role_settings settings; /* with arrays of its own */
    struct role *role;             /* NULL while it is down */
    uint32_t incarnation;          /* occurrences of an older one do not reach it */
    uint32_t index;
    char name[limit_name_size];
    struct sim_link links[sim_links];
    uint32_t links_count;
    struct map disk;               /* "table/key" to struct sim_row: what was committed */
    struct list rows;
    struct list domains;           /* agents: what the host really has */
    struct timer tick;             /* in world.ticks */
    uint64_t loaded_ms;
};

struct sim_row {
    struct list node;
    char key[256];
    struct record record;
};

struct sim_server {
    bool up;
};

struct sim_world {
    struct sim_settings settings;
    uint64_t now_ms;
    struct heap occurrences, ticks;
    struct sim_node nodes[sim_nodes];
    uint32_t nodes_count;
    struct sim_server servers[sim_servers];
    struct map addresses;    /* to struct sim_link, of sim_node */
    struct prng workload, network, fate, hosts;
    struct shape shapes[2];
    bool healing;            /* faults have stopped */
    uint64_t steps, frames;
    uint64_t hash;           /* of all that happened: equal for equal runs */
    /* workload */
    uint32_t requests;       /* sent */
    uint64_t last_handle;
    uint64_t replies, problems, operations_accepted;
    struct list accepted;    /* struct sim_accepted: operations that a tenant was told of */
};

struct sim_accepted {
    struct list node;
    char op[limit_id_size];
};

struct sim_world *world_new(const struct sim_settings *settings);
void world_free(struct sim_world *world);

/* Runs until `until_ms` or until nothing is left to happen. */
void world_run(struct sim_world *world, uint64_t until_ms);

/* Gives one event to a node and performs its effects; the node may crash at any point. */
void world_step(struct sim_world *world, struct sim_node *node, struct event *event);

/* Ends a process: what was not committed is gone. It comes back after `after_ms`. */
void world_crash(struct sim_world *world, struct sim_node *node, uint64_t after_ms);
void world_restart(struct sim_world *world, struct sim_node *node);

/* Servers; their clients' links follow. */
void world_server(struct sim_world *world, uint32_t server, enum presence presence);

/* A thing that happens later: the function is called with the world and what was given. */
struct occurrence {
    struct timer timer;
    void (*happen)(struct sim_world *world, struct occurrence *occurrence);
    struct sim_node *node;
    uint32_t incarnation;
    struct effect_job job;
    enum code code;
    enum vm_state state;
    uint32_t link;
    char from[limit_address_size];
    char *bytes;
    char digest[limit_digest_size];
    uint32_t number;
};

/* A new one, after `delay_ms`; filled in by the caller. */
struct occurrence *world_later(struct sim_world *world, struct sim_node *node, uint64_t delay_ms,
                               void (*happen)(struct sim_world *, struct occurrence *));

/* Is the occurrence for a process that has gone? */
bool occurrence_is_stale(const struct occurrence *occurrence);

/* True in `per_mille` of cases while faults are on. */
bool world_fault(struct sim_world *world, struct prng *prng, uint32_t per_mille);

/* hosts.c */
void host_begin(struct sim_world *world, struct sim_node *node, const struct effect_job *job);
void host_end_of_process(struct sim_world *world, struct sim_node *node);
void host_power_loss(struct sim_world *world, struct sim_node *node);
struct sim_domain *host_domain(const struct sim_node *node, const char *vm);

/* network.c */
void network_send(struct sim_world *world, struct sim_node *node, const struct effect *effects,
                  size_t count);
void network_link(struct sim_world *world, struct sim_node *node, uint32_t link,
                  enum presence presence);

/* workload.c */
void workload_begin(struct sim_world *world);
void workload_on_reply(struct sim_world *world, const struct reply *reply);
struct sim_node *world_upstream(struct sim_world *world);

/* check.c: the laws. A broken one prints what, and ends the process with status 1. */
void check_step(struct sim_world *world, struct sim_node *node, const struct effects *effects);
void check_end(struct sim_world *world);
void check_fail(struct sim_world *world, const char *law, const char *format, ...)
    format_checked(3, 4) __attribute__((noreturn));
