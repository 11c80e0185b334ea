/* Who tries what at a relay, and for how long a broker is full. */
#include "sim/actors/servers.h"

#include "message/limits.h"
#include "sim/parts/link.h"
#include "sim/parts/servers/relays.h"

enum { full_most_ms = 40000, flood_frames = 20, small_bytes = 100 };

static const struct sim_link *draw_link(const struct sim_server *at, struct prng *prng) {
    return at->links[prng_below(prng, (uint64_t)at->links_count)];
}

/* Something for somebody whom the sender may not reach. */
static void try_others(struct sim_relay *relay, const struct sim_server *at, struct prng *prng) {
    const struct sim_link *from = draw_link(at, prng), *to = draw_link(at, prng);
    relays_disturb(relay, NULL, to, small_bytes);
    if (from != to && !link_is_joined(from, to))
        relays_disturb(relay, from, to, small_bytes);
}

/* More than may wait, for somebody whom the sender may reach. */
static void flood(struct sim_relay *relay, const struct sim_server *at, struct prng *prng) {
    const struct sim_link *from = draw_link(at, prng), *to = draw_link(at, prng);
    for (int i = 0; i < flood_frames && from != to && link_is_joined(from, to); i++)
        relays_disturb(relay, from, to, limit_frame_hard - limit_frame_soft);
}

void servers_disturb(struct sim_world *world, uint32_t server, struct prng *prng) {
    const struct sim_server *at = &world->servers[server];
    if (!at->relay || !at->links_count)
        return;
    world->stats.relays_disturbed++;
    try_others(at->relay, at, prng);
    if (prng_below(prng, 4) == 0)
        flood(at->relay, at, prng);
}

void servers_fill(struct sim_world *world, uint32_t server, struct prng *prng) {
    struct sim_server *at = &world->servers[server];
    world->stats.brokers_full++;
    at->full_until_ms = world->now_ms + prng_below(prng, full_most_ms);
}
