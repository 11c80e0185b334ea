/* Law 6: any operation can explain itself. One under way can say what it waits for; one that has
 * ended has its end in its timeline. Law 1: a timeline names nothing from below. */
#include "sim/laws/timeline.h"

#include "base/text.h"
#include "sim/laws/law.h"
#include "sim/world/node.h"

static bool knows_place(const struct sim_node *node, const char *place) {
    for (size_t i = 0; place && i < node->settings.agents_count; i++)
        if (text_equal(node->settings.agents[i].name, place))
            return true;
    return !place;
}

void timeline_check(struct sim_world *world, const struct sim_node *node,
                    const struct operation *op) {
    const struct timeline_entry *last =
        op->timeline_count ? &op->timeline[op->timeline_count - 1] : NULL;
    bool ended = op->state == OP_SUCCEEDED || op->state == OP_FAILED;
    enum step first = op->timeline_count ? op->timeline->step : STEP_NONE;
    if ((first != STEP_ACCEPTED && first != STEP_LOST) || op->timeline_count > limit_timeline)
        law_fail(world, "it explains itself", "%s: the timeline of %s has %u entries, or no "
                 "beginning", node->name, op->id, op->timeline_count);
    if (ended != (last->step == STEP_ENDED) || (ended && last->code != op->code))
        law_fail(world, "it explains itself", "%s: %s is %s (%s), its timeline ends with %s (%s)",
                 node->name, op->id, op_state_names[op->state], code_names[op->code],
                 step_names[last->step], code_names[last->code]);
    for (uint32_t i = 0; i < op->timeline_count; i++) /* later a place may go, and its name stay */
        if (op->timeline[i].at_ms == node_wall_ms(world, node) &&
            !knows_place(node, op->timeline[i].place))
            law_fail(world, "the wall", "%s: the timeline of %s names %s", node->name, op->id,
                     op->timeline[i].place);
}

/* The deadline itself is waited for only in the very instant in which it ends the operation. */
void timeline_check_waits(struct sim_world *world, const struct sim_node *node) {
    if (node->settings.kind == ROLE_AGENT)
        return; /* nobody asks it */
    list_for(const struct book_op, op, &role_book(node->role)->ops, by_age) {
        bool due = op->deadline_ms <= node_now_ms(world, node);
        if (!book_op_has_ended(op) && !due && role_waits(node->role, op) == WAIT_NOTHING)
            law_fail(world, "it explains itself", "%s: %s (%s, %s) waits for nothing", node->name,
                     op->record.id, verb_names[op->record.verb], step_names[op->record.step]);
    }
}
