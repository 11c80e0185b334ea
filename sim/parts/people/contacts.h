/* Whoever is told what happens: reached, or not, after a while. */
#pragma once

#include "sim/world/world.h"

void contacts_deliver(struct sim_world *world, struct sim_node *node,
                      const struct effect_deliver *deliver);
