/* The laws of owners' decisions: what an owner was answered is on disk, a decision stops nothing
 * that runs, and is taken or refused as it should be. */
#include "sim/laws/decisions.h"

#include "base/text.h"
#include "sim/actors/owners.h"
#include "sim/laws/law.h"
#include "sim/world/node.h"

/* Law 8: a restart would bring back what was decided. */
void decisions_check_kept(struct sim_world *world, const struct sim_node *node) {
    char what[256];
    if (!owners_are_kept(world, node, what, sizeof(what)))
        law_fail(world, "nothing lost", "%s was answered and does not know %s", node->name, what);
}

/* Law 3: an owner's word stops nothing that runs; even a revocation has its grace. Another weight
 * may let something go that was asked before. */
void decisions_check(struct sim_world *world, const struct sim_node *node,
                     const struct fact_decision *decision) {
    for (size_t i = 0; i < decision->count; i++) {
        const struct effect *effect = &decision->effects[i];
        enum request_kind kind = decision->request->kind;
        if (!node->revoked && kind != REQUEST_SHARE_SET && kind != REQUEST_LEFTOVER_DISCARD &&
            effect->kind == EFFECT_SEND && effect->send.message.kind == MESSAGE_INSTRUCT)
            law_fail(world, "sovereignty", "%s's owner lowers or cordons, and %s is instructed",
                     node->name, effect->send.address);
        if (effect->kind == EFFECT_REPLY && effect->reply.kind == REPLY_PROBLEM)
            return;
    }
}

void decisions_check_consent(struct sim_world *world, const struct sim_node *node,
                             const struct fact_consent *consent) {
    const char *about = consent->request->key;
    if (!consent->is_right && node_is_upstream(node))
        law_fail(world, "sovereignty", "%s may not say what VMs of %s may use", node->name,
                 about);
    if (!consent->is_right)
        law_fail(world, "maintenance", "%s: host %s %s", node->name, about,
                 consent->is_refused ? "cannot be opened or emptied"
                                     : "is opened in its maintenance");
}
