/* The laws of the design: what they hear of, each. A broken law prints what and how to replay it,
 * and ends the process with status 1. */
#pragma once

#include "sim/world/fact.h"

void laws_observe(struct sim_world *world, const struct fact *fact);
