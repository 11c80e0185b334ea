/* What a simulated world is made of, and how bad it is: everything that a run depends on beside
 * its seed. One table names the settings for the command line, the replay line, the minimizer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers; faults are chances per thousand unless they say otherwise. */
struct sim_settings {
    uint64_t seed;
    uint32_t operations; /* requests that change something, in all */
    uint32_t spares;     /* servers of each link beside the first (carrier.h) */
    uint32_t mixed;      /* chance that one of a link's servers is no XMPP server */
    uint32_t upstreams;  /* managers above, each with all the clusters */
    uint32_t levels;     /* of managers: 2 is an upstream and its downstream managers */
    uint32_t clusters;   /* downstream managers right under the upstreams */
    uint32_t fan;        /* downstream managers under one of another, on deeper levels */
    uint32_t agents;     /* under each of the lowest managers */
    uint32_t host_cpus;  /* of each agent; memory and disk go with it */
    uint32_t shapes;     /* in the catalogue */
    uint32_t tenants;    /* of each upstream */
    uint32_t names;      /* that a tenant chooses among for VMs */
    uint32_t pause_ms;   /* between two requests, at the most */
    uint32_t beat_ms;    /* asked of agents by their managers */
    uint32_t vms;        /* on each host from the beginning (population.c) */
    uint32_t limits;     /* chance that an owner limits an upstream */
    uint32_t reshape;    /* chance that an act resizes, rebuilds, reverts, or is of a snapshot */
    uint32_t live;       /* chance that a host receives VMs that run */
    uint32_t leases;     /* chance that a VM is to be restarted when its host is lost */
    uint32_t intervals;  /* VMs whose disks are copied without a word of anybody */
    uint32_t from_copy;  /* of those in their cluster: that it is made from a copy then */
    uint32_t anywhere;   /* of those: that it may be in another cluster, too */
    uint32_t shares;     /* chance that an owner gives an upstream a weight, kept room, steps */
    uint32_t at_once;    /* operations under way at a host, where several upstreams share it */
    uint32_t greedy;     /* upstreams ask for everything, whatever they are shown */
    uint32_t placing;    /* chance that a creation asks for labels, a group or a strategy */
    uint32_t logs;       /* chance that a request is for a console's log, and owners permit none */
    uint32_t streams;    /* chance that a request is for a stream, and owners permit none */
    uint32_t ips;        /* chance that a VM's IP addresses are seen, and that owners permit none */
    uint32_t evictions;  /* chance that an image is asked about whether it may go, each 5 s */
    uint32_t interfaces; /* chance that an act adds or removes a network interface */
    uint32_t copies;     /* chance that an act copies a VM's disk */
    uint32_t rot;        /* chance that a copy is damaged in its block store */
    uint32_t usage;      /* 1: it is told what VMs use */
    uint32_t holds;      /* managers prefer places that have a VM's image */
    uint32_t networks;   /* chance that a creation asks for networks, and owners permit some */
    uint32_t allow;      /* chance that it then says who may begin to speak to its VM */
    uint32_t reallow;    /* chance that an act changes that */
    /* faults */
    uint32_t lose, repeat, reorder; /* of a frame */
    uint32_t crash;                 /* of a process, per step, at any point of its turn */
    uint32_t slow_disk;             /* a turn takes a while, and others' words come in meanwhile */
    uint32_t disk_failure;          /* of a commit; the process ends */
    uint32_t slow_link;             /* of a connection, per minute: it stalls or gets slow */
    uint32_t cut;                   /* of the way to one of several servers, per minute */
    uint32_t server_death;          /* of a server, per simulated minute */
    uint32_t disturb;               /* of a relay, by a stranger or a flood, per minute */
    uint32_t server_full;           /* of a broker: it takes nothing in, per minute */
    uint32_t job_failure;           /* of a host job; half of them leave something half-done */
    uint32_t job_hangs;             /* a job takes minutes */
    uint32_t guest_ignores;         /* a shutdown or reboot */
    uint32_t guest_dies;            /* per running VM and minute */
    uint32_t guest_falls;           /* as soon as it runs: before the end of its start is told */
    uint32_t power_loss;            /* of a host, per minute */
    uint32_t disk_full;             /* of a host or a daemon's own, per minute */
    uint32_t clock_jump;            /* of a process's wall clock, per minute */
    uint32_t drift;                 /* of a process's monotonic clock, ppm at the most */
    uint32_t owner_changes;         /* an owner lowers or raises limits at a restart */
    uint32_t lies;                  /* hosts that lie of what they have, until the world heals */
    uint32_t permits;               /* an operator bounds what a tenant's VMs may use, per minute */
    uint32_t rules;                 /* an operator changes provisioning rules, per minute */
    uint32_t owner_acts;            /* an owner sets limits or cordons a host, per minute */
    uint32_t drains;                /* more: it empties a host, or opens it again, per minute */
    uint32_t rekey;                 /* an end of a link changes its key, per minute */
    uint32_t store_loss;            /* an agent comes back with an empty store, per minute */
    uint32_t restores;              /* a cluster's store is an older one, per minute */
    uint32_t twins;                 /* somebody else says hello by a place's key, per minute */
    uint32_t stalls;                /* of a host's agent, or all of the host, per minute */
    uint32_t wardens;               /* a host's warden is away for a while, per minute */
    uint32_t ways;                  /* a host's own way to its manager is cut, per minute */
    uint32_t successors;            /* an upstream stands still, is followed, is back, per minute */
    /* how it is run */
    uint32_t window; /* messages that a session keeps; 0: as in production */
    uint32_t even;   /* host jobs' times and outcomes depend on VM and job alone (pair.c) */
    uint32_t losses; /* then: all hosts of a cluster lose their link at once, by `server_death` */
    uint32_t bare;   /* nothing is checked but at the end (scale.c) */
    uint32_t trace;  /* a readable line per event and effect on standard output */
};

struct setting {
    const char *name;
    size_t offset;
    const char *about;
    uint32_t least; /* as far as the minimizer may go */
    bool fault;
};
extern const struct setting settings_table[];
extern const size_t settings_count;

uint32_t *setting_value(struct sim_settings *settings, const struct setting *setting);

/* Every fault on, two levels, one upstream. */
struct sim_settings settings_default(void);

/* All faults off. */
void settings_calm(struct sim_settings *settings);

/* Nothing goes wrong and nobody competes (owners may limit all the same). */
bool settings_are_calm(const struct sim_settings *settings);

/* The arguments that make `settings` from the default; `size` bytes. */
void settings_print(const struct sim_settings *settings, char *words, size_t size);
