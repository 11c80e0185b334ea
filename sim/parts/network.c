/* What a turn sends to one peer becomes one frame, as in io/shell/outbox.c; which frames a fault
 * loses, repeats or reorders (how long they are on their way, link.c says); and what a server's
 * end does to its links. */
#include "sim/parts/network.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "sim/parts/carrier.h"
#include "sim/parts/keys.h"
#include "sim/parts/lies.h"
#include "sim/parts/link.h"
#include "sim/parts/step.h"
#include "sim/world/fact.h"
#include "sim/world/node.h"

static void hand_over(struct sim_world *world, const struct occurrence *occurrence,
                      const char *from, const struct frame *frame) {
    struct event event = {.kind = EVENT_FRAME};
    char next_key[limit_public_key_size];
    struct sim_link *link = &occurrence->node->links[occurrence->link];
    if (!keys_open(world, link, occurrence->from, &occurrence->seal, next_key))
        return;
    event.frame = (struct event_frame){.link = occurrence->link,
                                       .endpoint = occurrence->line,
                                       .from = from,
                                       .frame = frame,
                                       .next_key = next_key[0] ? next_key : NULL};
    world->stats.frames++;
    step_give(world, occurrence->node, &event);
}

/* The upstream takes every cluster to have room without end. */
static void believe(struct frame *frame) {
    enum { endless = 1000 };
    for (uint32_t i = 0; i < frame->messages_count; i++) {
        struct message *message = &frame->messages[i];
        for (uint32_t k = 0; message->kind == MESSAGE_CAPACITY && k < message->capacity.fits_count;
             k++)
            message->capacity.fits[k].count = endless;
    }
}

static void decode(struct sim_world *world, const char *bytes, size_t length,
                   struct frame *out_frame) {
    struct codec_fault fault;
    if (frame_decode(bytes, length, out_frame, &fault))
        world_observe(world, &(struct fact){FACT_UNREADABLE, .unreadable = {"a frame", &fault}});
    for (uint32_t i = 0; i < out_frame->messages_count; i++) {
        const struct message *message = &out_frame->messages[i];
        if (message->kind == MESSAGE_UNREADABLE)
            world_observe(world, &(struct fact){FACT_UNREADABLE,
                                                .unreadable = {"a message", &message->unreadable}});
    }
}

static void deliver(struct sim_world *world, struct occurrence *occurrence) {
    const struct sim_node *node = occurrence->node;
    struct sim_link *link = &node->links[occurrence->link];
    struct frame frame;
    const char *from = occurrence->from->address;
    if (!node->role || !link->up || (link->carrier && !(from = carrier_receive(link, occurrence))))
        return;
    if (!occurrence->bytes) {
        hand_over(world, occurrence, from, &occurrence->frame);
        return;
    }
    decode(world, occurrence->bytes, occurrence->length, &frame);
    if (world->settings.greedy && node_is_upstream(node))
        believe(&frame);
    lies_tell(world, occurrence->from->node, &frame);
    hand_over(world, occurrence, from, &frame);
    frame_clear(&frame);
}

/* Its messages with time and sender, one on each line; how they were batched is the carrier's. */
static void note_messages(struct sim_world *world, const struct sim_link *from,
                          const struct frame *frame) {
    for (uint32_t i = 0; i < frame->messages_count; i++) {
        text_addf(world->uplinks, "%012llu %s %llu ", (unsigned long long)world->now_ms,
                  from->node->name, (unsigned long long)frame->header.from);
        message_encode(&frame->messages[i], FRAME_JSON, world->uplinks);
        text_add(world->uplinks, "\n");
    }
}

static void note_uplink(struct sim_world *world, const struct sim_link *from,
                        const struct sim_link *to, const struct text *bytes) {
    struct frame frame;
    struct text json = {0};
    world->stats.uplink_frames++;
    world->stats.uplink_bytes += bytes->length;
    decode(world, text_data(bytes), bytes->length, &frame);
    codec_encode(&frame_table, &frame, FIELD_WIRE, &json);
    world_observe(world,
                  &(struct fact){FACT_UPLINK, from->node, .uplink = {to, text_data(&json)}});
    if (world->uplinks && node_is_upstream(to->node))
        note_messages(world, from, &frame);
    text_deinit(&json);
    frame_clear(&frame);
}

enum { queue_most_ms = 60000 };

/* Is it the frame that a script waits for, by a part of its JSON? Then it waits no more. */
static bool is_scripted(struct sim_world *world, const struct text *bytes, const char **part) {
    struct frame frame;
    struct text json = {0};
    if (!*part)
        return false;
    decode(world, text_data(bytes), bytes->length, &frame);
    codec_encode(&frame_table, &frame, FIELD_WIRE, &json);
    bool is = strstr(text_data(&json), *part);
    if (is)
        *part = NULL;
    text_deinit(&json);
    frame_clear(&frame);
    return is;
}

/* On its way to its receiver, or to the relay by which that is reached. */
static void leave(struct sim_world *world, const struct occurrence *frame,
                  const struct sim_link *target, uint64_t delay_ms) {
    struct sim_relay *relay = carrier_relay(frame->from, frame->from_line);
    if (relay) {
        relays_carry(relay, target, delay_ms, frame);
        return;
    }
    struct occurrence *comes = world_later(world, target->node, delay_ms, deliver);
    comes->link = target->index;
    comes->line = frame->line;
    comes->from_line = frame->from_line;
    comes->bytes = memory_copy(frame->bytes, frame->length);
    comes->length = frame->length;
    comes->from = frame->from;
    comes->seal = frame->seal;
}

static uint64_t travel_ms(const struct sim_world *world, struct sim_link *from,
                          struct sim_link *target, const struct occurrence *frame) {
    uint64_t ready_ms = carrier_ready_ms(from, frame->from_line);
    uint64_t later_ms = carrier_later_ms(from, frame->from_line);
    if (!carrier_relay(from, frame->from_line))
        return later_ms + link_travel_ms(world, from, target, ready_ms, frame->length);
    return later_ms + link_leaves_ms(world, from, ready_ms, frame->length) - world->now_ms;
}

/* In order, 5 ms; a fault loses, repeats or delays it out of order. */
static void carry(struct sim_world *world, struct sim_link *from, const char *to,
                  const struct text *bytes) {
    struct sim_link *target = map_get(&world->addresses, to);
    world_mix(world, text_data(bytes), bytes->length);
    struct occurrence frame = {.happen = deliver, .from = from, .bytes = bytes->data,
                               .length = bytes->length};
    if (!target || !from->up ||
        (from->carrier ? !carrier_route(from, to, target, &frame) : !target->up))
        return;
    if (from->node->settings.kind == ROLE_DOWNSTREAM && from->index == 1)
        note_uplink(world, from, target, bytes);
    if (link_fault(world, from, target, FAULT_LOSE)) {
        world->stats.lost++;
        return;
    }
    if (is_scripted(world, bytes, &world->lose))
        return;
    bool scripted = is_scripted(world, bytes, &world->repeat);
    int comes_times = scripted || link_fault(world, from, target, FAULT_REPEAT) ? 2 : 1;
    world->stats.repeated += comes_times > 1;
    uint64_t travels = travel_ms(world, from, target, &frame);
    if (travels > queue_most_ms || /* more than an outbox holds */
        !keys_seal(world, from, target, &frame.seal)) {
        world->stats.lost++;
        return;
    }
    for (int i = 0; i < comes_times; i++) {
        uint64_t delay = travels;
        if (i || link_fault(world, from, target, FAULT_REORDER)) {
            delay += scripted ? world->repeat_ms : link_draw(world, from, FAULT_DELAY, 3000);
            world->stats.reordered += !i;
        }
        leave(world, &frame, target, delay);
    }
}

static bool is_for_a_frame(const struct effect *effect) {
    return effect->kind == EFFECT_SEND || effect->kind == EFFECT_ACKNOWLEDGE;
}

static bool says_something(const struct effect_send *send) {
    return container_of(send, const struct effect, send)->kind == EFFECT_SEND;
}

/* Is it the next part of a frame that has so many messages? */
static bool follows(const struct frame_header *header, uint32_t count,
                    const struct effect_send *send) {
    return send->header.from == header->from && send->header.to == header->to &&
           send->header.sequence == header->sequence + count;
}

/* An agent's end that says hello with another number opens another session. */
static void count_session(struct sim_world *world, struct sim_link *link,
                          const struct effect_send *send) {
    if (send->message.kind != MESSAGE_HELLO || link->session == send->header.from)
        return;
    link->session = send->header.from;
    world->stats.sessions++;
}

/* In an even world, to and from the top, so that equal messages are equal frames. */
static bool travels_alone(const struct sim_world *world, const struct sim_node *node,
                          const struct effect_send *send) {
    const struct sim_link *to =
        world->settings.even ? map_get(&world->addresses, send->address) : NULL;
    return to && !link_is_perfect(world, &node->links[send->link], to);
}

static int compare_peers(const void *left, const void *right) {
    const struct effect_send *a = *(const struct effect_send *const *)left;
    const struct effect_send *b = *(const struct effect_send *const *)right;
    int by_peer = a->link != b->link ? (a->link > b->link) - (a->link < b->link)
                                     : strcmp(a->address, b->address);
    return by_peer ? by_peer : (a > b) - (a < b);
}

struct parcel {
    struct effect_send **sends;
    size_t count;
};

static int compare_parcels(const void *left, const void *right) {
    const struct effect_send *a = ((const struct parcel *)left)->sends[0];
    const struct effect_send *b = ((const struct parcel *)right)->sends[0];
    return (a > b) - (a < b);
}

/* What goes to each peer, in the order in which they were first spoken to. */
static size_t sort_parcels(struct effect_send **sends, size_t count,
                           struct parcel *out_parcels) {
    size_t parcels = 0;
    qsort(sends, count, sizeof(*sends), compare_peers);
    for (size_t i = 0; i < count; i++) {
        if (!i || sends[i]->link != sends[i - 1]->link ||
            !text_equal(sends[i]->address, sends[i - 1]->address))
            out_parcels[parcels++].sends = &sends[i];
        out_parcels[parcels - 1].count++;
    }
    qsort(out_parcels, parcels, sizeof(*out_parcels), compare_parcels);
    return parcels;
}

static void send_parcel(struct sim_world *world, struct sim_node *node,
                        const struct parcel *parcel) {
    struct effect_send *const *sends = parcel->sends;
    struct frame_header header = sends[0]->header;
    enum frame_form form = sends[0]->form;
    struct text body = {0}, text = {0};
    uint32_t count = 0;
    for (size_t i = 0; i < parcel->count; i++) {
        if (says_something(sends[i])) {
            world_observe(world, &(struct fact){FACT_SAID, node, .message = &sends[i]->message});
            count_session(world, &node->links[sends[i]->link], sends[i]);
            text_add(&body, count++ && form == FRAME_JSON ? "," : "");
            message_encode(&sends[i]->message, form, &body);
        }
        header.received = sends[i]->header.received;
        header.gap = sends[i]->header.gap;
        header.lease_ms = sends[i]->header.lease_ms; /* it goes with `received` */
        header.anywhere_ms = sends[i]->header.anywhere_ms;
        if (i + 1 < parcel->count && follows(&header, count, sends[i + 1]) &&
            sends[i + 1]->form == form && body.length <= limit_frame_soft &&
            !travels_alone(world, node, sends[i]))
            continue;
        text_clear(&text);
        frame_encode(&header, form, &body, &text);
        carry(world, &node->links[sends[i]->link], sends[i]->address, &text);
        text_clear(&body);
        count = 0;
        if (i + 1 < parcel->count) {
            header = sends[i + 1]->header;
            form = sends[i + 1]->form;
        }
    }
    text_deinit(&body);
    text_deinit(&text);
}

/* Messages that travel as they are; they leave their effects. */
static void carry_messages(struct sim_world *world, struct sim_node *node,
                           const struct parcel *parcel) {
    enum { messages_most = 32 };
    struct effect_send *const *sends = parcel->sends;
    const struct sim_link *target = map_get(&world->addresses, sends[0]->address);
    const struct sim_link *from = &node->links[sends[0]->link];
    if (!target || !target->up || !from->up)
        return;
    for (size_t i = 0; i < parcel->count;) {
        struct occurrence *comes = world_later(world, target->node, link_carry_ms, deliver);
        struct frame *frame = &comes->frame;
        comes->link = target->index;
        comes->from = from;
        frame->header = sends[i]->header;
        size_t most = parcel->count - i < messages_most ? parcel->count - i : messages_most;
        frame->messages = memory_new(most, sizeof(struct message));
        do {
            frame->header.received = sends[i]->header.received;
            frame->header.lease_ms = sends[i]->header.lease_ms;
            frame->header.anywhere_ms = sends[i]->header.anywhere_ms;
            if (!says_something(sends[i]))
                continue;
            count_session(world, &node->links[sends[i]->link], sends[i]);
            struct message *message = &sends[i]->message;
            frame->messages[frame->messages_count++] = *message;
            *message = (struct message){.kind = message->kind};
        } while (++i < parcel->count && frame->messages_count < most &&
                 follows(&frame->header, frame->messages_count, sends[i]));
    }
}

/* Where nothing is checked and nothing goes wrong, frames need no bytes; those that go up are
 * measured (one_node.c) and have them always. */
static bool needs_bytes(const struct sim_world *world, const struct sim_node *node,
                        uint32_t link) {
    const struct sim_settings *settings = &world->settings;
    return !settings->bare || settings->lose || settings->repeat || settings->reorder ||
           settings->slow_link || settings->spares ||
           world->lose || world->repeat || world->uplinks ||
           (node->settings.kind == ROLE_DOWNSTREAM && link == 1);
}

/* Like io/shell/outbox.c: what a turn sends to one peer travels as one frame, unless it gets
 * long. */
void network_send(struct sim_world *world, struct sim_node *node, struct effect *effects,
                  size_t count) {
    size_t all = 0;
    for (size_t i = 0; i < count; i++)
        all += is_for_a_frame(&effects[i]);
    if (!all)
        return;
    struct effect_send **sends = memory_new(all, sizeof(*sends));
    struct parcel *parcels = memory_new(all, sizeof(*parcels));
    for (size_t i = 0, at = 0; i < count; i++)
        if (is_for_a_frame(&effects[i]))
            sends[at++] = &effects[i].send;
    size_t sorted = sort_parcels(sends, all, parcels);
    for (size_t i = 0; i < sorted; i++)
        if (needs_bytes(world, node, parcels[i].sends[0]->link))
            send_parcel(world, node, &parcels[i]);
        else
            carry_messages(world, node, &parcels[i]);
    memory_free(parcels);
    memory_free(sends);
}

void network_server(struct sim_world *world, uint32_t server, enum presence presence) {
    struct sim_server *at = &world->servers[server];
    at->up = presence == PRESENCE_UP;
    at->since_ms = world->now_ms;
    if (world_has_spares(world)) {
        carrier_server(world, server);
        return;
    }
    for (size_t i = 0; i < at->links_count; i++)
        if (at->links[i]->node->role)
            link_set(world, at->links[i]->node, at->links[i]->index, presence);
}
