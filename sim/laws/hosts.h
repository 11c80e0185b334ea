/* What hosts have and do: no host has more than it is, what a level writes is what the host has,
 * and no job does what nobody wants. */
#pragma once

#include "sim/laws/ledger.h"
#include "sim/world/fact.h"

/* Of an operation. */
struct reboots {
    struct entry entry;
    uint32_t count;
};

struct hosts {
    struct ledger reboots; /* of struct reboots */
};

void hosts_job_begins(struct sim_world *world, const struct sim_node *node,
                      const struct effect_job *job);
void hosts_job_acts(struct hosts *hosts, struct sim_world *world, const struct sim_node *node,
                    const struct effect_job *job);
void hosts_moved(struct sim_world *world, const struct sim_domain *domain);
/* What a VM stands on is evicted nowhere. */
void hosts_check_evicted(struct sim_world *world, const struct sim_node *node,
                         const struct effect_archive *archive);
/* Nor, by a cluster, what a VM of who asked for it is made from, or is about to be, as it says so:
 * what is wanted a moment later is fetched anew. */
void hosts_check_eviction(struct sim_world *world, const struct sim_node *node,
                          const struct effect_archive *archive);
void hosts_copies(struct sim_world *world, const struct fact_domain *fact);

/* What a process does on a full disk, by an operation that it saves. */
void hosts_check_full(struct sim_world *world, const struct sim_node *node,
                      const struct operation *op);

/* After its domains changed. */
void hosts_check(struct sim_world *world, const struct sim_node *node);

/* What a level says of a VM, held against its domain. */
/* At rest: the addresses that a level knows are those that the host sees, as many as are told. */
void hosts_check_ips(struct sim_world *world, const struct sim_node *node, const struct vm *vm,
                     const struct sim_domain *domain);

void hosts_check_shape(struct sim_world *world, const struct sim_node *node, const struct vm *vm,
                       const struct sim_domain *domain);

/* A message leaves the node: whatever hosts claim, no more of it goes up than is believed. */
void hosts_check_claims(struct sim_world *world, const struct sim_node *node,
                        const struct message *message);

/* What a level holds for a VM that it saves. */
void hosts_check_held(struct sim_world *world, const struct sim_node *node,
                      const struct vm *saved);
