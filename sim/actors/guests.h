/* Guests that take IP addresses, and hosts that see them. */
#pragma once

#include "sim/world/world.h"

/* From here on each host tells its agent again and again which addresses its VMs have. */
void guests_begin(struct sim_world *world);
