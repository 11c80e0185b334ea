/* Hosts that lie: what their frames say is another thing when it comes to their manager. It is so
 * until the world heals; then they begin anew, and tell the truth. */
#pragma once

#include "sim/world/world.h"

/* Makes lies of what is in a frame from that node, if it is one that lies. */
void lies_tell(const struct sim_world *world, const struct sim_node *from, struct frame *frame);
