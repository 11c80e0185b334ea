/* When an image is asked about: each at moments of its own, which depend on nothing but its node
 * and the time. */
#include "sim/actors/evictions.h"

#include <string.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/text.h"
#include "sim/parts/domain.h"
#include "sim/parts/step.h"

enum { look_ms = 5000 };

static uint64_t draw(const struct sim_world *world, const struct sim_node *node,
                     const struct sim_image *image, uint64_t bound) {
    uint64_t seed = world->settings.seed + world->now_ms + image->link;
    return map_hash(seed, node->name, strlen(node->name)) / 7 % bound;
}

/* What a host sees for itself, whatever its agent's books say. */
static bool disk_stands(const struct sim_node *node, const char *digest) {
    list_for(const struct sim_domain, domain, &node->domains, by_node) {
        if (text_equal(domain->image, digest))
            return true;
    }
    return false;
}

static void on_ask(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_node *node = occurrence->node;
    struct event event = {.kind = EVENT_ARCHIVE, .archive = {.link = occurrence->link}};
    bool stands = node->stands_until_ms > world->now_ms || node->deferred;
    text_set_sized(event.archive.digest, sizeof(event.archive.digest), occurrence->bytes);
    if (node->role && !stands && !disk_stands(node, event.archive.digest))
        step_give(world, node, &event);
}

static void on_look(struct sim_world *world, struct occurrence *occurrence) {
    (void)occurrence;
    if (world->healing)
        return;
    for (uint32_t i = 0; i < world->nodes_count; i++) {
        struct sim_node *node = world->nodes[i];
        list_for(const struct sim_image, image, &node->images, node) {
            if (draw(world, node, image, 1000) >= world->settings.evictions)
                continue;
            uint64_t when_ms = draw(world, node, image, look_ms);
            struct occurrence *ask = world_later(world, node, when_ms, on_ask);
            ask->bytes = memory_text(image->digest);
            ask->link = image->link;
        }
    }
    world_later(world, NULL, look_ms, on_look);
}

void evictions_begin(struct sim_world *world) {
    if (world->settings.evictions)
        world_later(world, NULL, look_ms, on_look);
}
