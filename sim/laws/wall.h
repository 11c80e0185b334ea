/* Law 1: what goes up an uplink names nothing but what came down it. */
#pragma once

#include "sim/laws/ledger.h"
#include "sim/world/fact.h"

struct wall {
    struct ledger told; /* ids and shapes that a manager has named to those below */
    struct ledger said; /* struct wall_said: how far each of a cluster's sessions upward is */
};

struct wall_said {
    struct entry entry;
    uint64_t session, sequence;
};

/* Law 3: whom the owner lets see no IP addresses is told none from then on. */
void wall_check_views(struct wall *wall, struct sim_world *world, const struct sim_node *node,
                      const struct effects *effects);


/* A manager's words to those below may be named in what comes back. */
void wall_said(struct wall *wall, const struct sim_node *manager, const struct message *message);
void wall_check(const struct wall *wall, struct sim_world *world, const struct sim_node *node,
                const struct fact_uplink *uplink);

/* A place that is away does not look alive: of each VM on such a host, those above are told within
 * a beat that nothing is heard of it, and no more once the host is back; at rest of nobody. */
void wall_check_signs(struct sim_world *world);
void wall_check_signs_at_rest(struct sim_world *world, const struct sim_node *node);
