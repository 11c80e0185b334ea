/* An endpoint is in use once its connection is up and wanted. Whoever is heard by one that goes
 * down is away until another one hears it. */
#include "core/link/endpoints.h"

#include <assert.h>

#include "base/memory.h"

void endpoints_init(struct endpoints *endpoints, const struct endpoints_settings *settings,
                    size_t peers_count) {
    assert(settings->count && settings->count <= limit_endpoints);
    endpoints->count = settings->count;
    endpoints->peers = memory_new(peers_count, sizeof(*endpoints->peers));
    endpoints->peers_count = peers_count;
    endpoints->addresses = memory_new(peers_count * settings->count, sizeof(char *));
    for (size_t i = 0; i < peers_count; i++)
        endpoints->peers[i].addresses = &endpoints->addresses[i * settings->count];
    for (size_t k = 0; k < settings->count; k++) {
        map_init(&endpoints->all[k].peers, settings->seed);
        if (k == 0 || (settings->use == ENDPOINTS_USE_EACH &&
                       !text_equal(settings->accounts[k], settings->accounts[k - 1])))
            endpoints->groups[endpoints->groups_count++] =
                (struct endpoints_group){.first = k, .count = 1};
        else
            endpoints->groups[endpoints->groups_count - 1].count++;
    }
    for (size_t i = 0; i < endpoints->groups_count; i++)
        failover_init(&endpoints->groups[i].failover, endpoints->groups[i].count,
                      settings->hold_down_ms, settings->return_ms, settings->seed + i);
}

void endpoints_deinit(struct endpoints *endpoints) {
    for (size_t i = 0; i < endpoints->peers_count * endpoints->count; i++)
        memory_free(endpoints->addresses[i]);
    for (size_t k = 0; k < endpoints->count; k++)
        map_deinit(&endpoints->all[k].peers);
    memory_free(endpoints->addresses);
    memory_free(endpoints->peers);
}

void endpoints_add_peer(struct endpoints *endpoints, size_t which,
                        const char *const *addresses) {
    struct endpoints_peer *peer = &endpoints->peers[which];
    for (size_t k = 0; k < endpoints->count; k++) {
        peer->addresses[k] = memory_text(addresses[k]);
        if (!map_get(&endpoints->all[k].peers, peer->addresses[k]))
            map_put(&endpoints->all[k].peers, peer->addresses[k], peer);
    }
}

bool endpoints_uses(const struct endpoints *endpoints, size_t number) {
    const struct endpoints_one *endpoint = &endpoints->all[number];
    return endpoint->is_up && endpoint->purpose == FAILOVER_USE;
}

static struct endpoints_group *group_of(struct endpoints *endpoints, size_t number) {
    struct endpoints_group *group = endpoints->groups;
    while (number >= group->first + group->count)
        group++;
    return group;
}

void endpoints_on_up(struct endpoints *endpoints, size_t number, uint64_t now_ms) {
    struct endpoints_one *endpoint = &endpoints->all[number];
    struct endpoints_group *group = group_of(endpoints, number);
    endpoint->is_up = true;
    if (!endpoint->is_closing)
        failover_on_up(&group->failover, number - group->first, now_ms);
    if (endpoints_uses(endpoints, number) && endpoints->up_count++ == 0)
        endpoints->tell(endpoints, NULL, PRESENCE_UP);
}

static void hear(struct endpoints *endpoints, struct endpoints_peer *peer, size_t number) {
    peer->is_heard = true;
    peer->endpoint = (uint32_t)number;
    endpoints->tell(endpoints, peer->addresses[0], PRESENCE_UP);
}

/* It may have come elsewhere before it went: two servers' news have no order. */
static void lose(struct endpoints *endpoints, struct endpoints_peer *peer) {
    peer->is_heard = false;
    endpoints->tell(endpoints, peer->addresses[0], PRESENCE_DOWN);
    for (size_t k = 0; k < endpoints->count && !peer->is_heard; k++)
        if (peer->is_present[k])
            hear(endpoints, peer, k);
}

/* Whoever was heard there is away until it is heard elsewhere. */
static void leave(struct endpoints *endpoints, size_t number) {
    endpoints->up_count--;
    for (size_t i = 0; i < endpoints->peers_count; i++) {
        struct endpoints_peer *peer = &endpoints->peers[i];
        peer->is_present[number] = false;
        if (!peer->is_heard || peer->endpoint != number)
            continue;
        if (endpoints->up_count)
            lose(endpoints, peer);
        else
            peer->is_heard = false;
    }
    if (!endpoints->up_count)
        endpoints->tell(endpoints, NULL, PRESENCE_DOWN);
}

void endpoints_on_down(struct endpoints *endpoints, size_t number, enum failover_loss loss,
                       uint64_t now_ms) {
    struct endpoints_one *endpoint = &endpoints->all[number];
    struct endpoints_group *group = group_of(endpoints, number);
    if (endpoints_uses(endpoints, number))
        leave(endpoints, number);
    if (!endpoint->is_closing)
        failover_on_lost(&group->failover, number - group->first, loss, now_ms);
    endpoint->is_up = endpoint->is_closing = false;
    endpoint->purpose = FAILOVER_NOTHING;
}

void endpoints_on_peer(struct endpoints *endpoints, size_t number, const char *address,
                       enum presence presence) {
    struct endpoints_peer *peer = map_get(&endpoints->all[number].peers, address);
    if (!endpoints_uses(endpoints, number))
        return;
    if (!peer) {
        endpoints->tell(endpoints, address, presence);
        return;
    }
    peer->is_present[number] = presence == PRESENCE_UP;
    if (peer->is_heard && peer->endpoint != number)
        return;
    if (presence == PRESENCE_UP)
        hear(endpoints, peer, number);
    else
        lose(endpoints, peer);
}

const char *endpoints_on_frame(const struct endpoints *endpoints, size_t number,
                               const char *from) {
    const struct endpoints_peer *peer = map_get(&endpoints->all[number].peers, from);
    if (!endpoints_uses(endpoints, number))
        return NULL;
    return peer ? peer->addresses[0] : from;
}

void endpoints_route(struct endpoints *endpoints, const char *address, size_t number) {
    struct endpoints_peer *peer = map_get(&endpoints->all[0].peers, address);
    if (!peer || !endpoints_uses(endpoints, number))
        return;
    peer->is_heard = true;
    peer->endpoint = (uint32_t)number;
}

void endpoints_on_tick(struct endpoints *endpoints, uint64_t now_ms) {
    for (size_t i = 0; i < endpoints->groups_count; i++)
        failover_on_tick(&endpoints->groups[i].failover, now_ms);
}

static bool group_is_in_use(const struct endpoints *endpoints,
                            const struct endpoints_group *group) {
    for (size_t i = group->first; i < group->first + group->count; i++)
        if (endpoints->all[i].purpose == FAILOVER_USE)
            return true;
    return false;
}

/* What is no longer wanted is closed; what is, opened as soon as its like has ended. */
enum endpoints_order endpoints_order(struct endpoints *endpoints, size_t number) {
    struct endpoints_one *endpoint = &endpoints->all[number];
    const struct endpoints_group *group = group_of(endpoints, number);
    enum failover_want want = failover_wants(&group->failover, number - group->first);
    if (endpoint->purpose == want || endpoint->is_closing)
        return ENDPOINTS_LEAVE;
    if (endpoint->purpose != FAILOVER_NOTHING) {
        endpoint->is_closing = true;
        return ENDPOINTS_CLOSE;
    }
    if (want == FAILOVER_USE && group_is_in_use(endpoints, group))
        return ENDPOINTS_LEAVE;
    endpoint->purpose = want;
    return ENDPOINTS_OPEN;
}

uint64_t endpoints_deadline_ms(const struct endpoints *endpoints) {
    uint64_t due_ms = UINT64_MAX;
    for (size_t i = 0; i < endpoints->groups_count; i++) {
        uint64_t group_due_ms = failover_deadline_ms(&endpoints->groups[i].failover);
        due_ms = group_due_ms < due_ms ? group_due_ms : due_ms;
    }
    return due_ms;
}

size_t endpoints_way(const struct endpoints *endpoints, const char *address,
                     const char **out_address) {
    const struct endpoints_peer *peer = map_get(&endpoints->all[0].peers, address);
    size_t number = peer && peer->is_heard ? peer->endpoint : 0;
    while (number < endpoints->count && !endpoints_uses(endpoints, number))
        number++;
    if (number < endpoints->count)
        *out_address = peer ? peer->addresses[number] : address;
    return number;
}
