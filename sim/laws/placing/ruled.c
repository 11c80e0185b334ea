/* Law 3, for operators' rules: the first that matches a VM applies to it, as it stands when the
 * operation begins. It then goes to no cluster that this one does not let it be in, whatever
 * becomes of the list; and what it refuses does not begin. It is in the networks that the rule
 * says, unless its request says some. */
#include "sim/laws/placing/ruled.h"

#include "base/text.h"
#include "core/books/book.h"
#include "core/role.h"
#include "message/records/rule.h"
#include "sim/actors/rules.h"
#include "sim/laws/law.h"
#include "sim/world/node.h"

/* What is begun anew by the manager itself is for a VM that there is: no rule refuses that. */
static const struct rule *rule_for(const struct sim_node *node, const struct operation *op) {
    const struct book_vm *vm = book_vm(role_book(node->role), op->vm);
    const struct ruled_vm looked_at = {op->asker, op->definition.image_name, op->definition.shape,
                                       vm ? vm->record.metadata : NULL};
    for (uint32_t i = 0; i < node->ruled_count; i++)
        if (rule_matches(&node->ruled[i], &looked_at) &&
            !(op->internal && node->ruled[i].refuse))
            return &node->ruled[i];
    return NULL;
}

static void check_networks(struct sim_world *world, const struct sim_node *node,
                           const struct operation *op, const struct rule *rule) {
    const char *networks = op->definition.networks;
    const char *ruled = rule ? rule->networks : NULL;
    if (op->internal) /* those that it was made with */
        return;
    if (ruled ? !networks : text_equal(networks ? networks : "", networks_of_rules))
        law_fail(world, "sovereignty", "%s begins %s in networks '%s', where its rule says '%s'",
                 node->name, op->id, networks ? networks : "", ruled ? ruled : "");
}

static struct ruled_op *begin(struct ruled *ruled, struct sim_world *world,
                              const struct sim_node *node, const struct operation *op) {
    const struct rule *rule = rule_for(node, op);
    struct ruled_op *it = ledger_put(&ruled->ops, node, op->id);
    text_format(it->rule, sizeof(it->rule), "%s", rule ? rule->name : "");
    for (size_t i = 0; i < node->settings.agents_count; i++) {
        const struct peer_setting *cluster = &node->settings.agents[i];
        if (!rule || ruling_allows(&rule->ruling, cluster->name, cluster->labels))
            it->open |= UINT64_C(1) << i;
    }
    check_networks(world, node, op, rule);
    if (rule && rule->refuse)
        law_fail(world, "sovereignty", "%s begins %s, which its %s refuses", node->name, op->id,
                 rule->name);
    return it;
}

static bool is_open(const struct ruled_op *it, const struct sim_node *node, const char *place) {
    for (size_t i = 0; i < node->settings.agents_count; i++)
        if (text_equal(node->settings.agents[i].name, place))
            return it->open >> i & 1;
    return false;
}

void ruled_check(struct ruled *ruled, struct sim_world *world, const struct sim_node *node,
                 const struct operation *op) {
    if (!node_is_upstream(node) || op->verb != VERB_DEFINE)
        return;
    struct ruled_op *it = ledger_get(&ruled->ops, node, op->id);
    if (op->state == OP_SUCCEEDED || op->state == OP_FAILED) {
        ledger_drop(&ruled->ops, it);
        return;
    }
    if (!it)
        it = begin(ruled, world, node, op);
    if (!text_equal(op->rule ? op->rule : "", it->rule))
        law_fail(world, "an operation tells its rule", "%s of %s: '%s', which is '%s'", op->id,
                 node->name, op->rule ? op->rule : "", it->rule);
    for (uint32_t i = 0; i < op->timeline_count; i++) {
        const struct timeline_entry *entry = &op->timeline[i];
        if (entry->step == STEP_PLACED && entry->at_ms == node_wall_ms(world, node) &&
            !is_open(it, node, entry->place))
            law_fail(world, "sovereignty", "%s asks %s for %s, against its %s", node->name,
                     entry->place, op->id, it->rule);
        world->stats.ruled += entry->step == STEP_PLACED && *it->rule &&
                              entry->at_ms == node_wall_ms(world, node);
    }
}
