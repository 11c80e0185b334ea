/* What jobs make of what a domain has: its size, disk, networks and snapshots. */
#pragma once

#include "sim/parts/domain.h"

/* NULL: it has none of this name. */
const struct sim_snapshot *change_snapshot(const struct sim_domain *domain, const char *name);

/* The domain is defined, now or anew: its interfaces are those that the job names. */
void change_connect(struct sim_domain *domain, const struct effect_job *job);

/* What a job does to what the domain has; out_state: what it is then. Half of it, where it fails in
 * the middle; and what the host says at its end. */
enum code change_act(struct sim_domain *domain, const struct effect_job *job,
                     enum vm_state *out_state);
void change_half(struct sim_domain *domain, const struct effect_job *job);
void change_read(const struct sim_domain *domain, struct vm *out); /* what it has, all of it */
void change_say(const struct sim_domain *domain, const struct effect_job *job,
                struct event_job *out);
