/* The laws of relays: who may not reach somebody does not, and hears nothing of it; a frame is from
 * whom the relay says; what waits is bounded, and nothing is kept for who is away. */
#pragma once

#include "sim/world/fact.h"

void relays_check(struct sim_world *world, const struct sim_relay *relay);
void relays_check_passed(struct sim_world *world, const struct fact_relayed *relayed);
