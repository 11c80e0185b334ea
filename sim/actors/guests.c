/* When a host sees which IP addresses its guests have: each VM's at a moment of its own, which
 * depends on its id alone. */
#include "sim/actors/guests.h"

#include <string.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/text.h"
#include "sim/parts/domain.h"
#include "sim/parts/step.h"
#include "sim/world/node.h"

enum { look_ms = 20000 };

static void on_seen(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_domain *domain = domain_of(world, occurrence->node, occurrence->bytes);
    struct vm_ip ips[sim_ips_most];
    struct event event = {.kind = EVENT_IPS, .ips.ips = ips};
    bool stands = occurrence->node->stands_until_ms > world->now_ms || occurrence->node->deferred;
    if (!domain || domain->is_shell || !domain_goes_on(domain) || !occurrence->node->role || stands)
        return;
    event.ips.count = domain_ips(world, domain, ips);
    event.ips.epoch = domain->epoch;
    text_set(event.ips.vm, domain->vm->id);
    if (!event.ips.count)
        return;
    world->stats.ips++;
    step_give(world, occurrence->node, &event);
}

static void on_look(struct sim_world *world, struct occurrence *occurrence) {
    (void)occurrence;
    for (uint32_t i = 0; i < world->nodes_count; i++) {
        struct sim_node *node = world->nodes[i];
        list_for(const struct sim_domain, domain, &node->domains, by_node) {
            const char *id = domain->vm->id;
            uint64_t when_ms = map_hash(world->settings.seed, id, strlen(id)) % look_ms;
            world_later(world, node, when_ms, on_seen)->bytes = memory_text(id);
        }
    }
    world_later(world, NULL, look_ms, on_look);
}

void guests_begin(struct sim_world *world) {
    if (world->settings.ips)
        world_later(world, NULL, look_ms, on_look);
}
