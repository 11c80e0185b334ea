/* A world at rest: nothing is under way at any level, wanted is actual, and the books balance. */
#pragma once

#include "sim/laws/sovereignty.h"
#include "sim/parts/domain.h"

/* Nothing is under way at any level; otherwise what is, in words. */
bool rest_is_reached(const struct sim_world *world, char *what, size_t size);

/* Is this state the truth of the domain (NULL: not there)? What a loss of power has ended is
 * crashed for those who knew that it was held in memory, and off for all. */
bool rest_is_true(const struct sim_domain *domain, enum vm_state state);

/* Of each node. */
void rest_check(struct sim_world *world, struct sim_node *node);

/* Of an upstream, by what is counted as used. */
void rest_check_balance(const struct sovereignty *sovereignty, struct sim_world *world,
                        const struct sim_node *cloud);

/* Of the world. */
void rest_check_sessions(struct sim_world *world);
