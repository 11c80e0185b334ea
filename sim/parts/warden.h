/* The wardens of hosts, each an actor of its own: it goes on when the agent is killed or stands
 * still, is killed and hangs itself, and is away for as long as what restarts it may take. What it
 * knows is gone with the host's power. */
#pragma once

#include "sim/world/world.h"

void warden_obey(struct sim_world *world, struct sim_node *node, const struct effect_guard *order);

/* An agent has started: it is told whether there is a warden, and what stands still. */
void warden_tell(struct sim_world *world, struct sim_node *node);

/* Something of the host's domains may be another: it looks at them soon. */
void warden_soon(struct sim_world *world, struct sim_node *node);

/* It is killed, or hangs until it is killed for that, and is back after `away_ms`. */
void warden_fails(struct sim_world *world, struct sim_node *node, uint64_t away_ms);

/* The agent's process stands still for so long (SIGSTOP); its host goes on. */
void warden_stall_agent(struct sim_world *world, struct sim_node *node, uint64_t for_ms);

/* The host is suspended for so long. The first thing on it to go on is what was due. */
void warden_suspend(struct sim_world *world, struct sim_node *node, uint64_t for_ms);

void warden_lose_power(struct sim_node *node);
void warden_free(struct sim_node *node);
