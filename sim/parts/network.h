/* Frames: what a turn sends to one peer travels as one, unless it gets long; and servers, by which
 * all of it goes. */
#pragma once

#include "sim/world/world.h"

/* Messages that travel as they are leave the effects. */
void network_send(struct sim_world *world, struct sim_node *node, struct effect *effects,
                  size_t count);

/* The links of its clients follow, at once or as carrier.h says. */
void network_server(struct sim_world *world, uint32_t server, enum presence presence);
