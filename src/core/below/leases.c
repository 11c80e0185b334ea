/* Who gets a lease: whoever is guarded, has VMs that run by one, or is just being given one, and
 * has on its disk which of those run elsewhere by now. */
#include "core/below/leases.h"

#include "core/below/peer.h"
#include "core/link/lease.h"

void downlink_start_leases(struct downlink *downlink) {
    for (size_t i = 0; downlink->own->lease_ms && i < downlink->count; i++)
        downlink->peers[i].session.promised_ms =
            downlink->moment->now_ms + downlink->own->lease_ms;
}

bool downlink_leases(const struct downlink *downlink, enum on_loss on_loss) {
    bool is_top = downlink->anywhere_until_ms == book_never;
    return is_top ? on_loss == ON_LOSS_ANYWHERE : on_loss_is_leased(on_loss);
}

void peer_review_lease(struct peer *peer) {
    const struct downlink *downlink = peer->downlink;
    bool wants = peer->leased || downlink->moment->now_ms < peer->expects_ms;
    bool is_clear =
        !peer->owes_evictions && peer->session.confirmed >= peer->evict_number;
    peer->session.anywhere_until_ms = &downlink->anywhere_until_ms;
    peer->session.lease_ms = peer->guarded && wants && is_clear ? downlink->lease_ms : 0;
}

void peer_expect_leased(struct peer *peer) {
    enum { beats = 4 }; /* what crosses the instruction on its way says nothing of it */
    peer->expects_ms = peer->downlink->moment->now_ms + beats * peer->downlink->beat_ms;
    peer_review_lease(peer);
}

uint64_t peer_lease_end_ms(const struct peer *peer) {
    const struct session *session = &peer->session;
    return session->promised_ms
               ? session->promised_ms + lease_margin_ms(peer->downlink->own->lease_ms)
               : 0;
}
