#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "sim/world.h"

static struct sim_node *node_of(struct sim_world *world, const struct sim_link *link,
                                uint32_t *out_index) {
    for (uint32_t n = 0; n < world->nodes_count; n++) {
        struct sim_node *node = &world->nodes[n];
        if (link >= node->links && link < node->links + sim_links) {
            *out_index = (uint32_t)(link - node->links);
            return node;
        }
    }
    return NULL;
}

static void deliver(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_node *node = occurrence->node;
    struct frame frame;
    struct codec_fault fault;
    if (!node->role || !node->links[occurrence->link].up)
        return;
    if (frame_decode(occurrence->bytes, strlen(occurrence->bytes), &frame, &fault)) {
        check_fail(world, "protocol", "frame %s: %s %s", occurrence->bytes, fault.field,
                   fault.text);
    }
    struct event event = {.kind = EVENT_FRAME};
    event.frame = (struct event_frame){occurrence->link, occurrence->from, &frame};
    world->frames++;
    world_step(world, node, &event);
    frame_clear(&frame);
}

/* In order, 1 to 20 ms; a fault loses, repeats or delays it out of order. */
static void carry(struct sim_world *world, const struct sim_link *from, const char *to,
                  const char *bytes) {
    const struct sim_faults *faults = &world->settings.faults;
    struct sim_link *target = map_get(&world->addresses, to);
    uint32_t link = 0;
    if (!target || !target->up || !from->up ||
        world_fault(world, &world->network, faults->lose))
        return;
    struct sim_node *node = node_of(world, target, &link);
    uint32_t copies = world_fault(world, &world->network, faults->repeat) ? 2 : 1;
    for (uint32_t i = 0; i < copies; i++) {
        uint64_t delay = 5;
        if (i || world_fault(world, &world->network, faults->reorder))
            delay += prng_below(&world->network, 3000);
        struct occurrence *later = world_later(world, node, delay, deliver);
        later->link = link;
        later->bytes = memory_text(bytes);
        (void)text_copy(later->from, sizeof(later->from), from->address);
    }
}

void network_send(struct sim_world *world, struct sim_node *node, const struct effect *effects,
                  size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (effects[i].kind != EFFECT_SEND)
            continue;
        const struct effect_send *send = &effects[i].send;
        struct text body = {0}, text = {0};
        message_encode(&send->message, &body);
        frame_encode(&send->header, text_data(&body), &text);
        carry(world, &node->links[send->link], send->address, text_data(&text));
        text_deinit(&body);
        text_deinit(&text);
    }
}

static void on_peer(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_node *node = occurrence->node;
    struct event event = {.kind = EVENT_PEER};
    event.presence = (struct event_presence){
        occurrence->link, occurrence->from, occurrence->number ? PRESENCE_UP : PRESENCE_DOWN};
    if (node->role && node->links[occurrence->link].up)
        world_step(world, node, &event);
}

/* Presence reaches those on the same server; a hint that may get lost. */
static void tell_peers(struct sim_world *world, const struct sim_link *of,
                       enum presence presence) {
    for (uint32_t n = 0; n < world->nodes_count; n++)
        for (uint32_t i = 0; i < world->nodes[n].links_count; i++) {
            const struct sim_link *link = &world->nodes[n].links[i];
            if (link == of || link->server != of->server || !link->up ||
                world_fault(world, &world->network, world->settings.faults.lose))
                continue;
            struct occurrence *later = world_later(world, &world->nodes[n], 5, on_peer);
            later->link = i;
            later->number = presence == PRESENCE_UP;
            (void)text_copy(later->from, sizeof(later->from), of->address);
        }
}

void network_link(struct sim_world *world, struct sim_node *node, uint32_t link,
                  enum presence presence) {
    struct sim_link *at = &node->links[link];
    bool up = presence == PRESENCE_UP;
    if (at->up == up)
        return;
    at->up = up;
    tell_peers(world, at, presence);
    struct event event = {.kind = EVENT_LINK};
    event.presence = (struct event_presence){link, at->address, presence};
    if (node->role)
        world_step(world, node, &event);
}
