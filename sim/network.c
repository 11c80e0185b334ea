#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "sim/check.h"

enum { carry_ms = 5 };

static void hand_over(struct sim_world *world, const struct occurrence *occurrence,
                      const struct frame *frame) {
    struct event event = {.kind = EVENT_FRAME};
    event.frame = (struct event_frame){occurrence->link, occurrence->from->address, frame};
    world->stats.frames++;
    world_step(world, occurrence->node, &event);
}

static void deliver(struct sim_world *world, struct occurrence *occurrence) {
    const struct sim_node *node = occurrence->node;
    struct frame frame;
    struct codec_fault fault;
    if (!node->role || !node->links[occurrence->link].up)
        return;
    if (!occurrence->bytes) {
        hand_over(world, occurrence, &occurrence->frame);
        return;
    }
    if (frame_decode(occurrence->bytes, strlen(occurrence->bytes), &frame, &fault))
        check_fail(world, "protocol", "frame %s: %s %s", occurrence->bytes, fault.field,
                   fault.text);
    hand_over(world, occurrence, &frame);
    frame_clear(&frame);
}

/* Its messages with time and sender, one on each line; how they were batched is the carrier's. */
static void note_messages(struct sim_world *world, const struct sim_link *from,
                          const char *bytes) {
    struct frame frame;
    struct codec_fault fault;
    if (frame_decode(bytes, strlen(bytes), &frame, &fault))
        check_fail(world, "protocol", "frame %s: %s %s", bytes, fault.field, fault.text);
    for (uint32_t i = 0; i < frame.messages_count; i++) {
        text_addf(world->uplinks, "%012llu %s %llu ", (unsigned long long)world->now_ms,
                  from->node->name, (unsigned long long)frame.header.from);
        message_encode(&frame.messages[i], world->uplinks);
        text_add(world->uplinks, "\n");
    }
    frame_clear(&frame);
}

static void note_uplink(struct sim_world *world, const struct sim_link *from,
                        const struct sim_link *to, const char *bytes) {
    world->stats.uplink_frames++;
    world->stats.uplink_bytes += strlen(bytes);
    check_wall(world, from->node, to, bytes);
    if (world->uplinks && node_is_upstream(to->node))
        note_messages(world, from, bytes);
}

/* A random number below `bound`. In an even world (pair.c) it depends on time and sender, not on
 * how many frames went before. */
static uint64_t draw(struct sim_world *world, const struct sim_link *from, unsigned purpose,
                     uint64_t bound) {
    char key[limit_name_size + 32];
    if (!world->settings.even)
        return prng_below(&world->network, bound);
    text_format(key, sizeof(key), "%s %llu", from->node->name,
                (unsigned long long)world->now_ms);
    return map_hash(world->settings.seed + purpose, key, strlen(key)) % bound;
}

/* In an even world only the links to the top have faults. */
static bool is_perfect(const struct sim_world *world, const struct sim_link *from,
                       const struct sim_link *to) {
    return world->settings.even && !node_is_upstream(from->node) && !node_is_upstream(to->node);
}

enum network_fault { FAULT_LOSE, FAULT_REPEAT, FAULT_REORDER, FAULT_DELAY };

static bool fault(struct sim_world *world, const struct sim_link *from, const struct sim_link *to,
                  enum network_fault kind) {
    const struct sim_settings *faults = &world->settings;
    uint32_t per_mille = kind == FAULT_LOSE     ? faults->lose
                         : kind == FAULT_REPEAT ? faults->repeat
                                                : faults->reorder;
    return per_mille && !world->healing && !is_perfect(world, from, to) &&
           draw(world, from, kind, 1000) < per_mille;
}

/* Is it the frame that a script waits for? Then it waits no more. */
static bool is_scripted(const char *bytes, const char **part) {
    bool is = *part && strstr(bytes, *part);
    if (is)
        *part = NULL;
    return is;
}

/* In order, 5 ms; a fault loses, repeats or delays it out of order. */
static void carry(struct sim_world *world, const struct sim_link *from, const char *to,
                  const char *bytes) {
    struct sim_link *target = map_get(&world->addresses, to);
    world_mix(world, bytes, strlen(bytes));
    if (!target || !target->up || !from->up)
        return;
    if (from->node->settings.kind == ROLE_DOWNSTREAM && from->index == 1)
        note_uplink(world, from, target, bytes);
    if (fault(world, from, target, FAULT_LOSE)) {
        world->stats.lost++;
        return;
    }
    if (is_scripted(bytes, &world->lose))
        return;
    bool scripted = is_scripted(bytes, &world->repeat);
    bool repeat = scripted || fault(world, from, target, FAULT_REPEAT);
    world->stats.repeated += repeat;
    for (int i = 0; i <= repeat; i++) {
        uint64_t delay = carry_ms;
        if (i || fault(world, from, target, FAULT_REORDER)) {
            delay += scripted ? world->repeat_ms : draw(world, from, FAULT_DELAY, 3000);
            world->stats.reordered += !i;
        }
        struct occurrence *later = world_later(world, target->node, delay, deliver);
        later->link = target->index;
        later->bytes = memory_text(bytes);
        later->from = from;
    }
}

static bool same_frame(const struct effect_send *left, const struct effect_send *right) {
    return left->link == right->link && left->header.from == right->header.from &&
           left->header.to == right->header.to && text_equal(left->address, right->address);
}

/* In an even world, to and from the top, so that equal messages are equal frames. */
static bool travels_alone(const struct sim_world *world, const struct sim_node *node,
                          const struct effect_send *send) {
    const struct sim_link *to =
        world->settings.even ? map_get(&world->addresses, send->address) : NULL;
    return to && !is_perfect(world, &node->links[send->link], to);
}

/* Like io/shell.c: what a step sends to one peer travels as one frame, unless it gets long. */
static void send_bytes(struct sim_world *world, struct sim_node *node, struct effect *effects,
                       size_t count) {
    struct text body = {0}, text = {0};
    const struct effect_send *first = NULL;
    for (size_t i = 0; i <= count; i++) {
        const struct effect_send *send =
            i < count && effects[i].kind == EFFECT_SEND ? &effects[i].send : NULL;
        if (i < count && !send)
            continue;
        if (first && (!send || !same_frame(first, send) || body.length > limit_frame_soft ||
                      travels_alone(world, node, first))) {
            text_clear(&text);
            frame_encode(&first->header, text_data(&body), &text);
            carry(world, &node->links[first->link], first->address, text_data(&text));
            text_clear(&body);
            first = NULL;
        }
        if (!send)
            break;
        check_wall_told(world, node, &send->message);
        if (first)
            text_add(&body, ",");
        else
            first = send;
        message_encode(&send->message, &body);
    }
    text_deinit(&body);
    text_deinit(&text);
}

/* A frame of the next messages, as many as are for one peer. They leave their effects. */
static size_t carry_messages(struct sim_world *world, struct sim_node *node,
                             struct effect *effects, size_t count) {
    enum { messages_most = 32 };
    const struct effect_send *first = &effects->send;
    const struct sim_link *target = map_get(&world->addresses, first->address);
    const struct sim_link *from = &node->links[first->link];
    uint32_t length = 0;
    while (length < count && length < messages_most && effects[length].kind == EFFECT_SEND &&
           same_frame(first, &effects[length].send))
        length++;
    if (!target || !target->up || !from->up)
        return length;
    struct occurrence *later = world_later(world, target->node, carry_ms, deliver);
    later->link = target->index;
    later->from = from;
    later->frame.header = first->header;
    later->frame.messages = memory_new(length, sizeof(struct message));
    later->frame.messages_count = length;
    for (uint32_t i = 0; i < length; i++) {
        later->frame.messages[i] = effects[i].send.message;
        effects[i].send.message = (struct message){.kind = later->frame.messages[i].kind};
    }
    return length;
}

/* Where nothing is checked and nothing goes wrong, frames need no bytes; those that go up are
 * measured (one_node.c) and have them always. */
static bool needs_bytes(const struct sim_world *world, const struct sim_node *node,
                        uint32_t link) {
    const struct sim_settings *settings = &world->settings;
    return !settings->bare || settings->lose || settings->repeat || settings->reorder ||
           world->lose || world->repeat || world->uplinks ||
           (node->settings.kind == ROLE_DOWNSTREAM && link == 1);
}

/* How many effects from `effects` on send by no other link than the first. */
static size_t stretch(const struct effect *effects, size_t count) {
    size_t length = 1;
    while (length < count && (effects[length].kind != EFFECT_SEND ||
                              effects[length].send.link == effects->send.link))
        length++;
    return length;
}

void network_send(struct sim_world *world, struct sim_node *node, struct effect *effects,
                  size_t count) {
    for (size_t i = 0, length = 1; i < count; i += length, length = 1) {
        if (effects[i].kind != EFFECT_SEND)
            continue;
        if (!needs_bytes(world, node, effects[i].send.link)) {
            length = carry_messages(world, node, effects + i, count - i);
            continue;
        }
        length = stretch(effects + i, count - i);
        send_bytes(world, node, effects + i, length);
    }
}

static void on_peer(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_node *node = occurrence->node;
    struct event event = {.kind = EVENT_PEER};
    event.presence =
        (struct event_presence){occurrence->link, occurrence->from->address,
                                occurrence->number ? PRESENCE_UP : PRESENCE_DOWN};
    if (node->role && node->links[occurrence->link].up)
        world_step(world, node, &event);
}

static void tell_peers(struct sim_world *world, const struct sim_link *of,
                       const struct peer_setting *peers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct sim_link *to = map_get(&world->addresses, peers[i].address);
        if (peers[i].link != of->index || !to->up ||
            fault(world, of, to, FAULT_LOSE))
            continue;
        struct occurrence *later = world_later(world, to->node, carry_ms, on_peer);
        later->link = to->index;
        later->number = of->up;
        later->from = of;
    }
}

/* Directed presence: to those it is pinned with; a hint that may get lost. */
void network_link(struct sim_world *world, struct sim_node *node, uint32_t link,
                  enum presence presence) {
    struct sim_link *at = &node->links[link];
    bool up = presence == PRESENCE_UP;
    if (at->up == up)
        return;
    at->up = up;
    tell_peers(world, at, node->settings.agents, node->settings.agents_count);
    tell_peers(world, at, node->settings.managers, node->settings.managers_count);
    struct event event = {.kind = EVENT_LINK};
    event.presence = (struct event_presence){link, at->address, presence};
    if (node->role)
        world_step(world, node, &event);
}

void network_server(struct sim_world *world, uint32_t server, enum presence presence) {
    struct sim_server *at = &world->servers[server];
    at->up = presence == PRESENCE_UP;
    for (size_t i = 0; i < at->links_count; i++)
        if (at->links[i]->node->role)
            network_link(world, at->links[i]->node, at->links[i]->index, presence);
}
