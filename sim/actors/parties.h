/* Who is lent to: managers above by a cluster's owner, tenants by an upstream's operator. */
#pragma once

#include "sim/world/world.h"

struct party {
    char name[limit_name_size];
};

size_t parties_count(const struct sim_world *world, const struct sim_node *node);
const char *parties_name(const struct sim_node *node, size_t which, struct party *out);

/* The number of the party with this name; how many there are: none has it. */
size_t parties_which(const struct sim_world *world, const struct sim_node *node,
                     const char *party);
