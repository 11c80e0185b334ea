/* Clusters and hosts that look for room among their images. */
#pragma once

#include "sim/world/world.h"

/* From here on each asks its role again and again whether one may go. */
void evictions_begin(struct sim_world *world);
