/* Who is there and who is linked to whom, by the settings. */
#pragma once

#include "sim/world/world.h"

void topology_build(struct sim_world *world);
void topology_free(struct sim_world *world);
