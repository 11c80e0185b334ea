/* What goes wrong by itself, from the first minute until the world heals. */
#pragma once

#include "sim/world/world.h"

void faults_begin(struct sim_world *world);
void faults_end(struct sim_world *world);
