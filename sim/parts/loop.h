/* Time passes: what is due happens. */
#pragma once

#include "sim/world/world.h"

/* Runs until `until_ms`. */
void loop_run(struct sim_world *world, uint64_t until_ms);
