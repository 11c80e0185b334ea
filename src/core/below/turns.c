/* Whose turn it is: at a host that several askers share, and among the hosts where an asker waits
 * that is held (core/below/lanes.h, core/below/pace.h). */
#include "core/below/turns.h"

#include "base/memory.h"
#include "core/below/peer.h"

void downlink_share(struct downlink *downlink, const struct askers *askers) {
    size_t count = lanes_count(askers);
    downlink->askers = *askers;
    pace_init(&downlink->pace);
    memory_free(downlink->lanes);
    downlink->lanes = memory_new(downlink->count * count, sizeof(*downlink->lanes));
    for (size_t i = 0; i < downlink->count * count; i++) {
        list_init(&downlink->lanes[i].waiting);
        list_init(&downlink->lanes[i].under_way);
        list_init(&downlink->lanes[i].turn);
    }
    for (size_t i = 0; i < downlink->count; i++)
        downlink->peers[i].lanes = &downlink->lanes[i * count];
}

struct book_op *peer_next(const struct peer *peer) {
    const struct downlink *downlink = peer->downlink;
    const size_t count = lanes_count(&downlink->askers);
    uint64_t may = 0;
    for (size_t i = 0; i < count; i++)
        if (pace_due_ms(&downlink->pace, &downlink->askers, i) <= peer->downlink->moment->now_ms)
            may |= UINT64_C(1) << i;
    size_t next = lanes_next(&downlink->askers, peer->lanes, peer->setting.at_once, may);
    return next == count ? NULL
                         : container_of(peer->lanes[next].waiting.next, struct book_op, by_room);
}

/* Has the asker something for the peer, which could take it? */
static bool peer_awaits(const struct peer *peer, size_t asker) {
    return peer_is_up(peer) && session_has_drained(&peer->session) &&
           !list_is_empty(&peer->lanes[asker].waiting) &&
           lanes_have_room(&peer->downlink->askers, peer->lanes, asker, peer->setting.at_once);
}

static void set_timer(struct peer *peer) {
    struct downlink *downlink = peer->downlink;
    uint64_t due = session_deadline_ms(&peer->session);
    for (size_t i = 0; i < lanes_count(&downlink->askers); i++) {
        struct list *turn = &peer->lanes[i].turn, *turns = &downlink->pace.askers[i].turns;
        if (!peer_awaits(peer, i)) {
            list_remove(turn);
            continue;
        }
        uint64_t at = pace_due_ms(&downlink->pace, &downlink->askers, i);
        if (at && list_is_empty(turn))
            list_add(turns, turn);
        if (at < due && (!at || turns->next == turn))
            due = at;
    }
    if (due == book_never)
        heap_remove(&downlink->timers, &peer->timer);
    else
        heap_set(&downlink->timers, &peer->timer, due);
}

/* Sees to it that the one whose turn it is has its timer set. */
static void pass_turn(struct downlink *downlink, size_t asker) {
    struct list *turns = &downlink->pace.askers[asker].turns;
    while (!list_is_empty(turns)) {
        const struct lane *lane = container_of(turns->next, struct lane, turn);
        size_t at = (size_t)(lane - downlink->lanes) / downlink->askers.count;
        if (peer_awaits(&downlink->peers[at], asker)) {
            set_timer(&downlink->peers[at]);
            return;
        }
        list_remove(turns->next);
    }
}

void peer_arm(struct peer *peer) {
    set_timer(peer);
    for (size_t i = 0; i < peer->downlink->askers.count; i++)
        pass_turn(peer->downlink, i);
}

void downlink_freed(struct peer *peer) { peer_arm(peer); }

void downlink_weigh(struct downlink *downlink, size_t asker, uint32_t weight) {
    downlink->askers.weights[asker] = weight;
    for (size_t i = 0; i < downlink->count; i++)
        peer_arm(&downlink->peers[i]);
}
