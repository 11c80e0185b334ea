/* From a link's configuration to its carrier: its servers, and the addresses of those at the other
 * end on each of them. */
#pragma once

#include "io/carrier/carrier.h"
#include "io/config/links.h"

struct daemon_link {
    uint32_t index;
    const struct link_config *link;
    const struct server_config *servers; /* of all uplinks, or of the downlink */
    size_t servers_count;
    const struct peer_config *peers; /* of the downlink */
    size_t peers_count;
};

/* Connect; they post to `shell` from here on. NULL with `err`. Upward one server is in use at a
 * time; downward one of each account, because each peer chooses for itself. */
struct carrier *daemon_connect_up(const struct daemon_link *link, struct shell *shell,
                                  struct error *err);
struct carrier *daemon_connect_down(const struct daemon_link *link, struct shell *shell,
                                    struct error *err);
