/* Which faults a link has, how long a frame is on its way, and who hears that an end came or went.
 * In an even world (pair.c) only the links to the top have faults, and what happens to one does not
 * depend on what happens elsewhere. */
#include "sim/parts/link.h"

#include <string.h>

#include "base/text.h"
#include "sim/parts/step.h"
#include "sim/world/node.h"

static uint64_t draw_next(struct sim_world *world, uint64_t bound) {
    world_note(world, STREAM_NETWORK, world->network.state[0]);
    return prng_below(&world->network, bound);
}

/* A random number below `bound`. In an even world (pair.c) it depends on time and sender, not on
 * how many frames went before. */
uint64_t link_draw(struct sim_world *world, const struct sim_link *from, unsigned purpose,
                   uint64_t bound) {
    char key[limit_name_size + 32];
    if (!world->settings.even)
        return draw_next(world, bound);
    text_format(key, sizeof(key), "%s %llu", from->node->name,
                (unsigned long long)world->now_ms);
    return map_hash(world->settings.seed + purpose, key, strlen(key)) % bound;
}

/* In an even world only the links to the top have faults. */
bool link_is_perfect(const struct sim_world *world, const struct sim_link *from,
                     const struct sim_link *to) {
    return world->settings.even && !node_is_upstream(from->node) && !node_is_upstream(to->node);
}

bool link_fault(struct sim_world *world, const struct sim_link *from, const struct sim_link *to,
                enum link_fault kind) {
    const struct sim_settings *faults = &world->settings;
    uint32_t per_mille = kind == FAULT_LOSE     ? faults->lose
                         : kind == FAULT_REPEAT ? faults->repeat
                         : kind == FAULT_SLOW   ? faults->slow_link
                                                : faults->reorder;
    return per_mille && !world->healing && !link_is_perfect(world, from, to) &&
           link_draw(world, from, kind, 1000) < per_mille;
}

void link_slow(struct sim_world *world, struct sim_link *link) {
    enum { stall_most_ms = 40000, latency_most_ms = 2000, time_most_ms = 60000, bytes_least = 500,
           bytes_most = 20000 };
    bool top = !link->node->settings.managers_count || link->index == 1;
    if ((world->settings.even && !top) || !link_fault(world, link, link, FAULT_SLOW))
        return;
    world->stats.slow_links++;
    link->slow_until_ms = world->now_ms + link_draw(world, link, FAULT_TIME, time_most_ms);
    link->later_ms = link->bytes_per_s = 0;
    uint64_t kind = link_draw(world, link, FAULT_KIND, 3);
    if (kind == 0)
        link->stalled_until_ms = world->now_ms + link_draw(world, link, FAULT_TIME, stall_most_ms);
    else if (kind == 1 || world->settings.even) /* equal frames of an instant have no order */
        link->later_ms = (uint32_t)link_draw(world, link, FAULT_DELAY, latency_most_ms);
    else
        link->bytes_per_s =
            bytes_least + (uint32_t)link_draw(world, link, FAULT_DELAY, bytes_most);
}

static uint64_t latest(uint64_t left, uint64_t right) { return left > right ? left : right; }

static bool is_slow(const struct sim_world *world, const struct sim_link *link) {
    return !world->healing && link->slow_until_ms > world->now_ms;
}

/* The way between two connections. In an even world the top is farther than the inside, and from
 * each cluster by another millisecond, so that words that were said in the same instant do not
 * come in the same: they have no order. */
static uint64_t distance_ms(const struct sim_world *world, const struct sim_link *from,
                            const struct sim_link *to) {
    if (!world->settings.even || link_is_perfect(world, from, to))
        return link_carry_ms;
    const char *below = (node_is_upstream(from->node) ? to : from)->node->name;
    return link_carry_ms + 1 + (uint64_t)below[strlen(below) - 1] % 4;
}

static uint64_t lag_ms(const struct sim_world *world, const struct sim_link *link) {
    return is_slow(world, link) ? link->later_ms : 0;
}

static uint64_t unstalled_ms(const struct sim_world *world, const struct sim_link *link,
                             uint64_t at_ms) {
    return world->healing ? at_ms : latest(at_ms, link->stalled_until_ms);
}

/* When bytes that are there at `at_ms` are through, one frame after the other. */
static uint64_t through_ms(const struct sim_world *world, const struct sim_link *link,
                           uint64_t *busy_ms, uint64_t at_ms, size_t bytes) {
    if (!is_slow(world, link) || !link->bytes_per_s)
        return at_ms;
    *busy_ms = latest(at_ms, *busy_ms) + bytes * 1000 / link->bytes_per_s;
    return *busy_ms;
}

uint64_t link_leaves_ms(const struct sim_world *world, struct sim_link *from, uint64_t ready_ms,
                        size_t bytes) {
    uint64_t at_ms = unstalled_ms(world, from, ready_ms);
    at_ms = through_ms(world, from, &from->out_ms, at_ms, bytes) + lag_ms(world, from);
    return from->last_ms = latest(at_ms, from->last_ms);
}

uint64_t link_comes_ms(const struct sim_world *world, struct sim_link *to, uint64_t there_ms,
                       size_t bytes) {
    uint64_t at_ms = unstalled_ms(world, to, there_ms + lag_ms(world, to));
    return through_ms(world, to, &to->in_ms, at_ms, bytes);
}

uint64_t link_travel_ms(const struct sim_world *world, struct sim_link *from,
                        struct sim_link *to, uint64_t ready_ms, size_t bytes) {
    uint64_t leaves_ms = link_leaves_ms(world, from, ready_ms, bytes);
    return link_comes_ms(world, to, leaves_ms + distance_ms(world, from, to), bytes) -
           world->now_ms;
}

void link_write_address(const struct sim_link *link, size_t line, char *out, size_t size) {
    const struct sim_server *first = &link->world->servers[link->server];
    size_t server = link->server + (first->is_cluster ? 0 : line);
    text_format(out, size, "%s@s%zu/isthmus%u", link->node->name, server, link->index);
}

static bool is_peer(const struct peer_setting *peers, size_t count, const struct sim_link *of,
                    const struct sim_link *other) {
    for (size_t i = 0; i < count; i++)
        if (peers[i].link == of->index && text_equal(peers[i].address, other->address))
            return true;
    return false;
}

bool link_is_joined(const struct sim_link *link, const struct sim_link *other) {
    const struct role_settings *settings = &link->node->settings;
    return is_peer(settings->agents, settings->agents_count, link, other) ||
           is_peer(settings->managers, settings->managers_count, link, other);
}

static void on_peer(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_node *node = occurrence->node;
    struct event event = {.kind = EVENT_PEER};
    event.presence =
        (struct event_presence){occurrence->link, occurrence->from->address,
                                occurrence->number ? PRESENCE_UP : PRESENCE_DOWN};
    if (node->role && node->links[occurrence->link].up)
        step_give(world, node, &event);
}

static void tell_peers(struct sim_world *world, const struct sim_link *of,
                       const struct peer_setting *peers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct sim_link *to = map_get(&world->addresses, peers[i].address);
        if (peers[i].link != of->index || !to->up ||
            link_fault(world, of, to, FAULT_LOSE))
            continue;
        struct occurrence *heard =
            world_later(world, to->node, distance_ms(world, of, to), on_peer);
        heard->link = to->index;
        heard->number = of->up;
        heard->from = of;
    }
}

/* Directed presence: to those it is pinned with; a hint that may get lost. */
void link_set(struct sim_world *world, struct sim_node *node, uint32_t link,
              enum presence presence) {
    struct sim_link *at = &node->links[link];
    bool up = presence == PRESENCE_UP;
    if (at->up == up)
        return;
    at->up = up;
    at->slow_until_ms = at->stalled_until_ms = at->out_ms = at->last_ms = at->in_ms = 0;
    if (!at->carrier) { /* which tells by itself */
        tell_peers(world, at, node->settings.agents, node->settings.agents_count);
        tell_peers(world, at, node->settings.managers, node->settings.managers_count);
    }
    struct event event = {.kind = EVENT_LINK};
    event.presence = (struct event_presence){link, at->address, presence};
    if (node->role)
        step_give(world, node, &event);
}
