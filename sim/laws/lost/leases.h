/* Leases: what a holder reckons with ends before its granter counts it as ended, in true time, and
 * nothing but what runs by a lease ever stands still for want of one. */
#pragma once

#include "sim/laws/ledger.h"
#include "sim/world/fact.h"

/* To an agent's address, by a manager; to "", what an agent's warden was told last. */
struct promise {
    struct entry entry;
    uint64_t ends_ms[LEASE_REACH_COUNT]; /* true time: when the newest lease has ended for certain;
                                          * or the agent's */
};

struct leases {
    struct ledger promises; /* of struct promise */
};

/* A step's effects: leases that leave a manager, and that a warden is told. */
void leases_check_step(struct leases *leases, struct sim_world *world, const struct sim_node *node,
                       const struct effects *effects);

/* The job acts on the host: what is to be put aside is not deleted. */
void leases_check_job(struct sim_world *world, const struct sim_node *node,
                      const struct effect_job *job);

/* A domain is in another state, stands still or goes on. */
void leases_check_moved(struct sim_world *world, const struct sim_domain *domain);
