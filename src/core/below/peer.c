/* When a peer is up, as everything beside its sessions asks. */
#include "core/below/peer.h"

bool peer_is_up(const struct peer *peer) { return peer->state == PEER_UP; }

bool peer_is_manager(const struct peer *peer) {
    return peer->networks && text_equal(peer->networks, hello_asked);
}

struct pinned_peer peer_pinned(struct peer *peer) {
    return (struct pinned_peer){PINS_BELOW, &peer->setting, &peer->next_key,
                                peer->downlink->moment};
}

bool peer_is_old(const struct peer *peer, uint32_t version) {
    return peer_is_up(peer) && peer->session.version < version;
}
