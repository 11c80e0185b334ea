/* Who refused a VM, and who is asked next. */
#pragma once

#include "sim/laws/ends.h"
#include "sim/laws/ledger.h"
#include "sim/world/fact.h"

/* Of a cluster, as its upstream knows it. */
struct told_room {
    struct entry entry;
    bool is_told; /* what it has, since its session opened */
};

/* Of an operation that makes a VM, for which any cluster will do. */
struct asked_shape {
    struct entry entry;
    char shape[limit_name_size];
    enum on_loss on_loss;
};

struct refusals {
    struct ledger rooms, shapes; /* of struct told_room; of struct asked_shape */
};

void refusals_cluster_saved(struct refusals *refusals, const struct sim_world *world,
                            const struct sim_node *cloud, const struct node *cluster);

/* Nobody is told that no cluster is connected while one may be back before its hold-down ends. */
void refusals_check_reply(struct sim_world *world, const struct sim_node *node,
                          const struct reply *reply);

/* An operation is saved. */
void refusals_check(struct refusals *refusals, const struct ends *ends, struct sim_world *world,
                    struct sim_node *node, const struct operation *op);
