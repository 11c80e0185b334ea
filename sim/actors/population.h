/* Disks and hosts as they are when `settings.vms` were made on each host. */
#pragma once

#include "sim/world/world.h"

void population_build(struct sim_world *world);
