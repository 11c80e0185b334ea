/* The keys of links' ends: who has pinned which, how they change, and whether a frame opens. */
#pragma once

#include "sim/world/world.h"

void keys_build(struct sim_world *world);
void keys_free(struct sim_link *link);

/* A process begins: it knows what is configured, then what its role tells. */
void keys_start(struct sim_world *world, struct sim_node *node);
void keys_started(struct sim_world *world, struct sim_node *node);

/* The link's key may begin to change, where it does not. */
void keys_change(struct sim_world *world, struct sim_link *link);
void keys_pin(struct sim_world *world, const struct sim_node *node, const struct effect *effect);

/* False: no key is pinned for it. */
bool keys_seal(const struct sim_world *world, const struct sim_link *from,
               const struct sim_link *to, struct sim_seal *out_seal);

/* False: it does not open. *out_next: the peer's next key, if it is sealed by that, or "". */
bool keys_open(struct sim_world *world, struct sim_link *link, const struct sim_link *from,
               const struct sim_seal *seal, char out_next[limit_public_key_size]);
bool keys_are_at_rest(const struct sim_world *world, char *what, size_t size);
