/* What managers take places to have of images (--holds). */
#pragma once

#include "sim/world/world.h"

/* At rest each manager knows, of the places that are up, which images they have for it, and takes
 * none to be there that is not. */
void holds_check_end(struct sim_world *world, const struct sim_node *node);
