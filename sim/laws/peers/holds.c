/* Compared both ways; what a place has for another manager above counts for nothing. */
#include "sim/laws/peers/holds.h"

#include "base/text.h"
#include "core/below/holds.h"
#include "core/role.h"
#include "sim/laws/law.h"
#include "sim/world/node.h"

static bool is_for(const struct sim_node *place, const struct sim_image *image,
                   const struct sim_node *manager) {
    for (size_t i = 0; i < place->settings.managers_count; i++)
        if (place->settings.managers[i].link == image->link &&
            text_equal(place->settings.managers[i].name, manager->name))
            return true;
    return false;
}

static void check_place(struct sim_world *world, const struct sim_node *manager,
                        const struct peer *peer) {
    const struct sim_node *place = node_named(world, peer->setting.name);
    uint32_t there = 0;
    list_for(const struct sim_image, image, &place->images, node) {
        if (!is_for(place, image, manager))
            continue;
        there++;
        if (!peer_holds(peer, image->digest))
            law_fail(world, "what is there is told", "%s has image %.12s, and %s does not know",
                     place->name, image->digest, manager->name);
    }
    if (there != peer->held_count)
        law_fail(world, "what is there is told", "%s takes %s to have %u images, it has %u",
                 manager->name, place->name, peer->held_count, there);
}

void holds_check_end(struct sim_world *world, const struct sim_node *node) {
    if (!node->settings.prefers_images)
        return;
    const struct downlink *downlink = role_downlink(node->role);
    for (size_t i = 0; i < downlink->count; i++)
        if (peer_is_up(&downlink->peers[i]))
            check_place(world, node, &downlink->peers[i]);
}
