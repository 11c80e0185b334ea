/* Tenants: what they ask for, and what may become of their VMs. */
#pragma once

#include "sim/world/world.h"

void workload_begin(struct sim_world *world);
void workload_send(struct sim_world *world, struct sim_node *cloud, struct request *request);

/* What may become of a VM of this name when its host is to be empty. */
enum on_drain workload_on_drain(const struct sim_world *world, const char *name);
enum on_loss workload_on_loss(const struct sim_world *world, const char *name);
/* How often its disk is copied, in seconds; 0: when it is asked for. */
uint32_t workload_copy_every_s(const struct sim_world *world, const char *name);
enum restart_from workload_restart_from(const struct sim_world *world, const char *name);
