/* What a run consisted of: a world in which nothing succeeds tests nothing, so one looks. Plain
 * numbers, added up over runs. */
#pragma once

#include "message/model.h"

struct stats {
    uint64_t runs, steps, simulated_ms, heal_ms;
    uint64_t requests, replies, refused[CODE_COUNT];
    uint64_t ended[VERB_COUNT][CODE_COUNT]; /* operations at the upstreams, by outcome */
    uint64_t waited; /* times that a step left somebody waiting for its turn at a host */
    uint64_t ruled; /* VMs that went somewhere by an operator's rule */
    uint64_t led_on, led_on_below; /* refusals after which the next was asked */
    uint64_t frames, lost, repeated, reordered, uplink_frames, uplink_bytes, syncs;
    uint64_t signs; /* frames up that say so of a VM: nothing is heard of it */
    uint64_t sessions, turns, saves, uncommitted, disk_failures, slow_links;
    uint64_t cuts, failovers, returns; /* of links with several servers */
    uint64_t relayed, relay_full, relay_away; /* frames passed on by relays, and not */
    uint64_t relays_disturbed, brokers_full;
    uint64_t crashes, power_losses, disks_full, server_deaths, clock_jumps;
    uint64_t owner_changes, owner_acts;
    uint64_t rekeys, unsealed; /* changes of keys that were done; frames that did not open */
    uint64_t jobs, jobs_failed, jobs_hung, guests_died;
    uint64_t migrations, adoptions; /* VMs that went to another host running; that went on there */
    uint64_t half_migrations; /* that failed when both hosts had all of them */
    uint64_t stores_lost, restored, accepted; /* of agents; of clusters; by those above */
    uint64_t adopted, discarded; /* VMs that were not known to be there */
    uint64_t twins, predecessors, deposed; /* hellos of others; managers that came back, gave way */
    uint64_t stalls, suspensions, wardens_failed, ways_cut; /* of agents, of hosts */
    uint64_t recovered, salvaged; /* VMs of lost hosts: made elsewhere, put aside there */
    uint64_t elsewhere; /* VMs of lost clusters */
    uint64_t freezes, thaws, leases; /* VMs that stood still, and went on; leases passed on */
    uint64_t scheduled; /* copies that hosts made without a word of anybody */
    uint64_t late;      /* VMs that counted as late, each minute */
    uint64_t copies; /* of VMs' disks, that counted */
    uint64_t from_copies; /* disks that were made of them */
    uint64_t spoilt; /* that a host was to make one of, and could not */
    uint64_t streams; /* that a viewer joined */
    uint64_t logs; /* parts of consoles' logs that were read */
    uint64_t ips; /* VMs whose IP addresses were seen, each time */
    uint64_t usages; /* marks of what VMs use that are known at the end */
    uint64_t evicted; /* images that made room */
    uint64_t moves; /* VMs that were gone from one host, to be made on another */
    uint64_t hash; /* of all that happened in all of them: a change of speed alone keeps it */
};

void stats_add(struct stats *sum, const struct stats *more);

/* Some lines on standard output; `seconds` of one core were spent. */
void stats_print(const struct stats *stats, double seconds);
