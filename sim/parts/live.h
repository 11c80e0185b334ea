/* Live migration: what a job of it does to the hosts, half of it where it fails after both have all
 * of the VM, and what a host's loss of power does to those that others send it. */
#pragma once

#include "sim/parts/domain.h"

bool live_can_receive(const struct sim_world *world, const struct sim_node *node);
enum code live_receive(struct sim_world *world, struct sim_node *node,
                       const struct effect_job *job);
enum code live_migrate(struct sim_world *world, struct sim_domain *domain,
                       const struct effect_job *job);
void live_migrate_half(struct sim_world *world, struct sim_domain *domain,
                       const struct effect_job *job);
enum code live_adopt(struct sim_world *world, struct sim_domain *domain,
                     const struct effect_job *job);
void live_cut_arrivals(struct sim_world *world, const struct sim_node *node);
