/* Who is lent to: managers above by a cluster's owner, tenants by an upstream's operator. */
#pragma once

#include "sim/world/world.h"

struct asker {
    char name[limit_name_size];
};

size_t askers_count(const struct sim_world *world, const struct sim_node *node);
const char *askers_name(const struct sim_node *node, size_t which, struct asker *out);

/* The number of the asker with this name; how many there are: none has it. */
size_t askers_which(const struct sim_world *world, const struct sim_node *node,
                    const char *asker);
