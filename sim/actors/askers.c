/* Tenants are askers by their number, managers above by their place in the settings. */
#include "sim/actors/askers.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "sim/world/node.h"

static const char tenant_word[] = "people"; /* see workload.c */

size_t askers_count(const struct sim_world *world, const struct sim_node *node) {
    return node_is_upstream(node) ? world->settings.tenants : node->settings.managers_count;
}

const char *askers_name(const struct sim_node *node, size_t which, struct asker *out) {
    if (!node_is_upstream(node))
        return node->settings.managers[which].name;
    text_format(out->name, sizeof(out->name), "%s%zu", tenant_word, which);
    return out->name;
}

size_t askers_which(const struct sim_world *world, const struct sim_node *node,
                    const char *asker) {
    size_t askers = askers_count(world, node);
    if (node_is_upstream(node)) { /* the other way round than parties_name() */
        size_t which = text_starts(asker, tenant_word)
                           ? strtoul(asker + strlen(tenant_word), NULL, 10)
                           : askers;
        return which < askers ? which : askers;
    }
    for (size_t i = 0; i < askers; i++)
        if (text_equal(node->settings.managers[i].name, asker))
            return i;
    return askers;
}
