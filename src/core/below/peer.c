/* When a peer is up, as everything beside its sessions asks. */
#include "core/below/peer.h"

bool peer_is_up(const struct peer *peer) { return peer->state == PEER_UP; }
