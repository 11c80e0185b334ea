/* Links and their further servers: what a link's servers are, each with all of its settings, and
 * whether those of one daemon go together. Called by the loaders and by whoever connects. */
#pragma once

#include "io/config/daemons.h"
#include "message/limits.h"

/* The links of one daemon; those that it does not have are absent. */
struct links_config {
    const char *path;
    const struct link_config *uplinks;
    size_t uplinks_count;
    const struct server_config *uplink_servers;
    size_t uplink_servers_count;
    const struct link_config *downlink;
    const struct server_config *downlink_servers;
    size_t downlink_servers_count;
};

/* 0, or negative with `err`. */
int config_links_check(const struct links_config *links, struct error *err);

/* The link once per server, in the order of preference, borrowing all its texts; how many there
 * are, which may be more than limit_endpoints, of which the rest is not written. */
size_t config_link_servers(const struct link_config *link, const struct server_config *servers,
                           size_t count, struct link_config out[limit_endpoints]);

/* The address of a peer at the server where our account is `jid`: the one with the same domain,
 * or else its first. */
void config_peer_address(const struct peer_config *peer, const char *jid,
                         char out[limit_address_size]);
