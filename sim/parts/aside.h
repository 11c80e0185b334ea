/* A manager's process that stands still, as a stopped or frozen one does, while a successor serves
 * from its disk; and that goes on again when it is let. Only one of the two is at the address at a
 * time; what the old one writes reaches no disk that anybody reads. */
#pragma once

#include "sim/world/world.h"

/* The one that does not act now. */
struct sim_aside {
    struct role *role;
    struct effects pending, open;
    struct turn turn;
    bool doomed; /* it crashes, not the other */
};

/* Stops the process that serves; its successor starts from the disk after `after_ms`. */
void aside_stop(struct sim_world *world, struct sim_node *node, uint64_t after_ms);

/* Lets it go on in place of its successor, which stands still in turn. */
void aside_return(struct sim_world *world, struct sim_node *node);

/* It is gone for good, and its successor is there again. */
void aside_end(struct sim_world *world, struct sim_node *node);
