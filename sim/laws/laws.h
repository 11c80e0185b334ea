/* The laws of the design, each with what it remembers. They hear of facts alone; what they change
 * in the world is its figures. A broken law prints what and how to replay it, and ends the process
 * with status 1. */
#pragma once

#include "sim/world/fact.h"

struct laws;

/* For a world whose nodes are there. */
struct laws *laws_new(const struct sim_world *world);
void laws_free(struct laws *laws, const struct sim_world *world);

/* Has world->laws judge it. */
void laws_observe(struct sim_world *world, const struct fact *fact);

/* What has to hold when the world has healed. */
void laws_check_end(struct sim_world *world);
