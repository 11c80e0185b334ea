/* Which images peers say they have. That is a reason to prefer a peer, and never to believe that an
 * image is there: who says so wrongly gets VMs whose images it has to fetch first. */
#pragma once

#include "core/below/peer.h"

/* Who has an image. */
struct holders {
    char digest[limit_digest_size];
    uint32_t *peers; /* places in downlink.peers, in their order; at least one */
    uint32_t count;
};

/* From here on the peer has these, and no others. */
void peer_take_holds(struct peer *peer, const struct holds *holds);
bool peer_holds(const struct peer *peer, const char *digest);

/* NULL: nobody has it. */
const struct holders *downlink_holders(const struct downlink *downlink, const char *digest);
