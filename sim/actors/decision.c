/* A decision is put to a manager in a step of its own, so that what follows is of that alone. */
#include "sim/actors/decision.h"

#include "sim/actors/workload.h"
#include "sim/parts/step.h"
#include "sim/world/fact.h"
#include "sim/world/node.h"

/* What is due in this very moment goes out first: in the step of the owner's word it would be taken
 * for that word's. */
void decision_let_due_pass(struct sim_world *world, struct sim_node *node) {
    struct event tick = {.kind = EVENT_TICK};
    if (node->role && role_deadline_ms(node->role) <= node_now_ms(world, node))
        step_give(world, node, &tick);
}

bool decision_ask(struct sim_world *world, struct sim_node *node, struct request *request) {
    decision_let_due_pass(world, node);
    size_t before = node->pending.count;
    workload_send(world, node, request);
    const struct effect *effects = node->pending.items;
    world_observe(world, &(struct fact){FACT_DECISION, node,
                                        .decision = {request, effects ? effects + before : NULL,
                                                     node->pending.count - before}});
    for (size_t i = before; i < node->pending.count; i++)
        if (effects[i].kind == EFFECT_REPLY && effects[i].reply.kind == REPLY_PROBLEM)
            return false;
    return true;
}
