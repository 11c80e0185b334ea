/* Operators' provisioning rules: added, changed, moved and deleted while VMs come and go. */
#pragma once

#include "message/records/rule.h"
#include "sim/world/world.h"

/* Those that rules say, which no request does (workload.c). */
extern const char networks_of_rules[];

void rules_free(struct sim_node *node);
void rules_remember(struct sim_world *world, struct sim_node *node); /* after a restart */
void rules_act(struct sim_world *world, struct sim_node *node);

/* Deletes one; false: there are more, so that VMs may have nowhere to go. */
bool rules_restore(struct sim_world *world, struct sim_node *node);

/* Is what was answered on the disk, in that order? */
bool rules_are_kept(struct sim_world *world, const struct sim_node *node);
