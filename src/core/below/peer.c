/* What is up: the one question about a peer that everything else asks. */
#include "core/below/peer.h"

bool peer_is_up(const struct peer *peer) { return peer->state == PEER_UP; }
