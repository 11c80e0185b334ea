/* The seals of simulated links, without the arithmetic: keys are numbers, and a frame names the
 * two that it is sealed by. It opens where the receiver has them both, as in io/keys/seal.c; an
 * end's own keys, current and next, are on its disk as io/keys/key_file.c keeps them. Keys change
 * at random: settings.rekey. */
#include "sim/parts/keys.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "sim/parts/step.h"

/* What a process has pinned for a peer; in its memory, told by its role. */
struct sim_pin {
    struct list node; /* in sim_link.pins */
    const struct sim_link *peer;
    uint64_t key, next;
    bool knows_next; /* ours */
};

static bool is_on(const struct sim_world *world) { return world->settings.rekey != 0; }

static bool is_managers(const struct sim_link *link) {
    const struct role_settings *settings = &link->node->settings;
    return settings->agents_count && settings->agents[0].link == link->index;
}

static void print_key(uint64_t key, char out[limit_public_key_size]) {
    text_format(out, limit_public_key_size, "key-%llu", (unsigned long long)key);
}

static struct sim_pin *pin_of(const struct sim_link *link, const struct sim_link *peer) {
    list_for(struct sim_pin, pin, &link->pins, node) {
        if (pin->peer == peer)
            return pin;
    }
    return NULL;
}

static void forget_pins(struct sim_link *link) {
    struct list *at = NULL, *next = NULL;
    list_each(at, next, &link->pins) {
        list_remove(at);
        memory_free(container_of(at, struct sim_pin, node));
    }
}

static void configure(struct sim_world *world, struct sim_link *link,
                      const struct peer_setting *peers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (peers[i].link != link->index)
            continue;
        struct sim_pin *pin = memory_new(1, sizeof(*pin));
        pin->peer = map_get(&world->addresses, peers[i].address);
        pin->key = pin->peer->first_key;
        list_add(&link->pins, &pin->node);
    }
}

void keys_build(struct sim_world *world) {
    for (uint32_t i = 0; i < world->nodes_count; i++)
        for (uint32_t k = 0; k < world->nodes[i]->links_count; k++) {
            struct sim_link *link = &world->nodes[i]->links[k];
            list_init(&link->pins);
            link->first_key = link->key = ++world->last_key;
        }
}

void keys_free(struct sim_link *link) { forget_pins(link); }

void keys_start(struct sim_world *world, struct sim_node *node) {
    for (uint32_t i = 0; is_on(world) && i < node->links_count; i++) {
        forget_pins(&node->links[i]);
        configure(world, &node->links[i], node->settings.agents, node->settings.agents_count);
        configure(world, &node->links[i], node->settings.managers,
                  node->settings.managers_count);
    }
}

static void tell(struct sim_world *world, struct sim_link *link) {
    struct event event = {.kind = EVENT_REKEY, .rekey.link = link->index};
    if (link->next_key)
        print_key(link->next_key, event.rekey.key);
    if (link->node->role)
        step_give(world, link->node, &event);
}

void keys_started(struct sim_world *world, struct sim_node *node) {
    for (uint32_t i = 0; i < node->links_count; i++)
        if (node->links[i].next_key)
            tell(world, &node->links[i]);
}

void keys_change(struct sim_world *world, struct sim_link *link) {
    bool is_another = link->node->is_followed; /* a predecessor would be told in its place */
    if (link->next_key || is_another || world->settings.even ||
        !world_fault(world, &world->fate, world->settings.rekey))
        return;
    link->next_key = ++world->last_key;
    tell(world, link);
}

void keys_pin(struct sim_world *world, const struct sim_node *node, const struct effect *effect) {
    const struct effect_pin *told = &effect->pin;
    const struct sim_link *peer = map_get(&world->addresses, told->address);
    if (!is_on(world))
        return;
    struct sim_pin *pin = pin_of(&node->links[told->link], peer);
    uint64_t key = strtoull(told->key + 4, NULL, 10);
    if (effect->kind == EFFECT_PIN_NEXT) {
        pin->next = key == pin->key ? 0 : key;
        return;
    }
    pin->key = key;
    pin->next = 0;
}

bool keys_seal(const struct sim_world *world, const struct sim_link *from,
               const struct sim_link *to, struct sim_seal *out_seal) {
    *out_seal = (struct sim_seal){0};
    if (!is_on(world))
        return true;
    const struct sim_pin *pin = pin_of(from, to);
    if (!pin)
        return false;
    out_seal->by = pin->knows_next && is_managers(from) ? from->next_key : from->key;
    out_seal->to = pin->next ? pin->next : pin->key;
    return true;
}

static bool all_know(const struct sim_link *link) {
    struct list *at = NULL, *next = NULL;
    bool all = link->next_key;
    list_each(at, next, &link->pins)
        all &= container_of(at, struct sim_pin, node)->knows_next;
    return all;
}

static void adopt(struct sim_world *world, struct sim_link *link) {
    struct list *at = NULL, *next = NULL;
    link->key = link->next_key;
    link->next_key = 0;
    list_each(at, next, &link->pins)
        container_of(at, struct sim_pin, node)->knows_next = false;
    world->stats.rekeys++;
    tell(world, link);
}

bool keys_open(struct sim_world *world, struct sim_link *link, const struct sim_link *from,
               const struct sim_seal *seal, char out_next[limit_public_key_size]) {
    out_next[0] = 0;
    if (!is_on(world))
        return true;
    struct sim_pin *pin = pin_of(link, from);
    bool ours = seal->to == link->key || (link->next_key && seal->to == link->next_key);
    if (!pin || !ours || (seal->by != pin->key && seal->by != pin->next)) {
        world->stats.unsealed++;
        return false;
    }
    pin->knows_next |= seal->to == link->next_key;
    if (seal->by == pin->next)
        print_key(pin->next, out_next);
    if (all_know(link))
        adopt(world, link);
    return true;
}

bool keys_are_at_rest(const struct sim_world *world, char *what, size_t size) {
    for (uint32_t i = 0; is_on(world) && i < world->nodes_count; i++)
        for (uint32_t k = 0; k < world->nodes[i]->links_count; k++) {
            const struct sim_link *link = &world->nodes[i]->links[k];
            if (link->next_key) {
                text_format(what, size, "%s is still changing its key", link->address);
                return false;
            }
            list_for(const struct sim_pin, pin, &link->pins, node) {
                if (pin->key == pin->peer->key && !pin->next)
                    continue;
                text_format(what, size, "%s has another key pinned for %s", link->address,
                            pin->peer->address);
                return false;
            }
        }
    return true;
}
