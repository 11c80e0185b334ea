/* The laws of belief: nothing is taken from whoever speaks by a place's name with another store,
 * nor from a manager that was followed; and no VM that its host has is lost for its manager. */
#pragma once

#include "sim/world/fact.h"

void belief_check_twin(struct sim_world *world, const struct sim_node *manager,
                       const struct fact_stranger *twin);
void belief_check_predecessor(struct sim_world *world, const struct sim_node *hearer,
                              const struct fact_stranger *predecessor);

/* A manager that was followed is back, and takes a step. */
void belief_check_followed(struct sim_world *world, const struct sim_node *node,
                           const struct effects *effects);
/* At rest: whatever the manager asks next is newer than what its place knows. */
void belief_check_end(struct sim_world *world, const struct sim_node *node);
void belief_check_commit(struct sim_world *world, const struct sim_node *node,
                         const struct effects *effects);
