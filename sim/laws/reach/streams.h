/* The laws of streams: a ticket is worth something once, in time, and to who asked for it; whose
 * console is at the lower end; and what an owner forbids has an end. */
#pragma once

#include "sim/laws/law.h"

void streams_check_taken(struct sim_world *world, const struct sim_node *node,
                         const struct fact_stream *stream);
void streams_check_step(struct sim_world *world, const struct sim_node *node);
void streams_check_minute(struct sim_world *world);
