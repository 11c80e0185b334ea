/* An index from images to peers: who chooses one looks at nobody else. It changes seldom. */
#include "core/below/holds.h"

#include <string.h>

#include "base/memory.h"

static uint32_t place_of(const struct peer *peer) {
    return (uint32_t)(peer - peer->downlink->peers);
}

/* Where the peer stands among them, or would. */
static uint32_t search(const struct holders *holders, const struct peer *peer) {
    uint32_t first = 0, end = holders->count, wanted = place_of(peer);
    while (first < end) {
        uint32_t middle = first + (end - first) / 2;
        if (holders->peers[middle] < wanted)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

static bool has(const struct holders *holders, const struct peer *peer) {
    uint32_t at = search(holders, peer);
    return at < holders->count && holders->peers[at] == place_of(peer);
}

static void leave(struct peer *peer, struct holders *holders) {
    uint32_t at = search(holders, peer);
    holders->count--;
    memmove(holders->peers + at, holders->peers + at + 1,
            (holders->count - at) * sizeof(*holders->peers));
    if (holders->count)
        return;
    map_remove(&peer->downlink->holders, holders->digest);
    memory_free(holders->peers);
    memory_free(holders);
}

static struct holders *enter(struct peer *peer, const char *digest) {
    struct holders *holders = map_get(&peer->downlink->holders, digest);
    if (!holders) {
        holders = memory_new(1, sizeof(*holders));
        text_set(holders->digest, digest);
        map_put(&peer->downlink->holders, holders->digest, holders);
    }
    uint32_t at = search(holders, peer), count = holders->count++;
    if (!(count & (count - 1))) /* grows by doubling */
        holders->peers = memory_resize(holders->peers,
                                       (count ? count * 2 : 1) * sizeof(*holders->peers));
    memmove(holders->peers + at + 1, holders->peers + at, (count - at) * sizeof(*holders->peers));
    holders->peers[at] = place_of(peer);
    return holders;
}

void peer_take_holds(struct peer *peer, const struct holds *holds) {
    for (uint32_t i = 0; i < peer->held_count; i++)
        leave(peer, peer->held[i]);
    memory_free(peer->held);
    peer->held_count = 0;
    peer->held = holds->images_count ? memory_new(holds->images_count, sizeof(struct holders *))
                                     : NULL;
    for (uint32_t i = 0; i < holds->images_count; i++)
        if (!peer_holds(peer, holds->images[i].digest))
            peer->held[peer->held_count++] = enter(peer, holds->images[i].digest);
}

bool peer_holds(const struct peer *peer, const char *digest) {
    const struct holders *holders = downlink_holders(peer->downlink, digest);
    return holders && has(holders, peer);
}

const struct holders *downlink_holders(const struct downlink *downlink, const char *digest) {
    return map_get(&downlink->holders, digest);
}
