/* What owners and operators decide, and how they are answered. */
#pragma once

#include "sim/world/fact.h"

/* After an answer. */
void decisions_check_kept(struct sim_world *world, const struct sim_node *node);
void decisions_check(struct sim_world *world, const struct sim_node *node,
                     const struct fact_decision *decision);
void decisions_check_consent(struct sim_world *world, const struct sim_node *node,
                             const struct fact_consent *consent);
