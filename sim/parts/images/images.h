/* Which images hosts have unpacked and managers have fetched, for each manager above. */
#pragma once

#include "sim/world/world.h"

void images_put(struct sim_node *node, uint32_t link, const char *digest);

/* The node's role hears of each that is here (--holds). */
void images_tell(struct sim_world *world, struct sim_node *node);
bool images_has(const struct sim_node *node, const char *digest); /* for whomever */

/* The node's role has answered about one: it is gone, or stays. */
void images_obey(struct sim_world *world, struct sim_node *node,
                 const struct effect_archive *archive);

void images_forget_all(struct sim_world *world);
