/* What is done to servers of other kinds than XMPP's, once a minute. */
#pragma once

#include "sim/world/world.h"

/* Relays are tried by a stranger and by those who have accounts, and flooded; brokers take nothing
 * in for a while. What happens to a server is drawn from `prng`. */
void servers_disturb(struct sim_world *world, uint32_t server, struct prng *prng);
void servers_fill(struct sim_world *world, uint32_t server, struct prng *prng);
