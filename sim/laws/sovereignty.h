/* Law 3: a cluster's owner, and an upstream's operator, is asked for no more than is lent,
 * permitted and open, and moves only what may be moved. */
#pragma once

#include "sim/laws/ends.h"
#include "sim/laws/ledger.h"
#include "sim/world/fact.h"

/* Of a VM, at a level: where it was when it was saved last. */
struct last_place {
    struct entry entry;
    char name[limit_name_size];
};

struct sovereignty {
    struct amounts **used;      /* of each node, by each asker, as counted last; NULL: nobody's */
    struct ledger places, destinations; /* of struct last_place */
    struct ledger names; /* of struct last_place, under the first node: what VMs were made as */
};

/* Counts anew what each asker uses of the node. */
void sovereignty_count(struct sovereignty *sovereignty, const struct sim_world *world,
                       const struct sim_node *node);
const struct amounts *sovereignty_used(const struct sovereignty *sovereignty,
                                       const struct sim_node *node);

/* Where VMs were put before is what is on its disk: a step that was not committed put none. */
void sovereignty_started(struct sovereignty *sovereignty, const struct sim_node *node);

/* An operation, a VM is saved. */
void sovereignty_check_op(struct ends *ends, struct sim_world *world, const struct sim_node *node,
                          const struct operation *op);
void sovereignty_check_vm(struct sovereignty *sovereignty, struct ends *ends,
                          struct sim_world *world, const struct sim_node *node,
                          const struct stored_vm *stored);

/* After a step that saved VMs, of a node that lends. */
void sovereignty_check_limits(struct sovereignty *sovereignty, struct sim_world *world,
                              const struct sim_node *node, const struct effects *effects);
