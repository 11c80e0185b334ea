/* Links between two ends: whether one is up, its faults, and what a frame takes from end to end. */
#pragma once

#include "sim/world/world.h"

enum { link_carry_ms = 5 };

enum link_fault {
    FAULT_LOSE, FAULT_REPEAT, FAULT_REORDER, FAULT_DELAY, FAULT_SLOW, FAULT_KIND, FAULT_TIME
};

/* A random number below `bound`. In an even world it depends on time and sender, not on how many
 * frames went before. */
uint64_t link_draw(struct sim_world *world, const struct sim_link *from, unsigned purpose,
                   uint64_t bound);
bool link_fault(struct sim_world *world, const struct sim_link *from, const struct sim_link *to,
                enum link_fault kind);

/* Does nothing ever go wrong between them? */
bool link_is_perfect(const struct sim_world *world, const struct sim_link *from,
                     const struct sim_link *to);

/* When a frame that may leave at `ready_ms` has left its sender, and when one that is there has
 * come to its receiver; what one sends leaves in order. */
uint64_t link_leaves_ms(const struct sim_world *world, struct sim_link *from, uint64_t ready_ms,
                        size_t bytes);
uint64_t link_comes_ms(const struct sim_world *world, struct sim_link *to, uint64_t there_ms,
                       size_t bytes);

/* How long one is on its way to another connection. */
uint64_t link_travel_ms(const struct sim_world *world, struct sim_link *from, struct sim_link *to,
                        uint64_t ready_ms, size_t bytes);

/* A slow time of a connection may begin: it stalls and comes back with all its frames, has
 * another latency, or lets few bytes through. */
void link_slow(struct sim_world *world, struct sim_link *link);

/* Its account at one of its servers: the nodes of a cluster have one. */
void link_write_address(const struct sim_link *link, size_t line, char *out, size_t size);

/* Is each pinned at the other? */
bool link_is_joined(const struct sim_link *link, const struct sim_link *other);

/* Up or down, and its peers may hear of it. */
void link_set(struct sim_world *world, struct sim_node *node, uint32_t link,
              enum presence presence);
