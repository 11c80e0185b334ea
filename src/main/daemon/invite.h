/* What the join tokens of this manager's peers bring: how to reach it, for each peer whose
 * account's password stands in the configuration. */
#pragma once

#include "io/rest/rest.h"
#include "main/daemon/daemon.h"

struct authorities;

struct inviting {
    const struct link_config *downlink;
    const struct peer_config *peers;
    size_t peers_count;
    const struct listen_config *images; /* [images], or [api] */
    char *image_token;                  /* of peers that have none of their own; NULL: none */
    const struct server_config *servers; /* further ones of the downlink */
    size_t servers_count;
    struct authorities *authorities; /* are set to those of the tokens; NULL: nobody serves them */
};

struct invitations {
    struct rest_invitation *items;
    size_t count;
    char *ca, *image_ca; /* what the links of all of them share */
};

/* Invitations borrow from the configuration. Negative with `err`: a file cannot be read, or a peer
 * has a password and [images] no url. */
int daemon_invite(const struct inviting *inviting, struct invitations *out, struct error *err);
void daemon_invitations_clean(struct invitations *invitations);
