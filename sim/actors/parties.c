/* Tenants are parties by their number, managers above by their place in the settings. */
#include "sim/actors/parties.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "sim/world/node.h"

static const char tenant_word[] = "people"; /* see workload.c */

size_t parties_count(const struct sim_world *world, const struct sim_node *node) {
    return node_is_upstream(node) ? world->settings.tenants : node->settings.managers_count;
}

const char *parties_name(const struct sim_node *node, size_t which, struct party *out) {
    if (!node_is_upstream(node))
        return node->settings.managers[which].name;
    text_format(out->name, sizeof(out->name), "%s%zu", tenant_word, which);
    return out->name;
}

size_t parties_which(const struct sim_world *world, const struct sim_node *node,
                     const char *party) {
    size_t parties = parties_count(world, node);
    if (node_is_upstream(node)) { /* the other way round than parties_name() */
        size_t which = text_starts(party, tenant_word)
                           ? strtoul(party + strlen(tenant_word), NULL, 10)
                           : parties;
        return which < parties ? which : parties;
    }
    for (size_t i = 0; i < parties; i++)
        if (text_equal(node->settings.managers[i].name, party))
            return i;
    return parties;
}
