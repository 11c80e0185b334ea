/* Where an account's server is: the addresses of its name, and which one is used. */
#pragma once

#include "io/carrier/resolve.h"
#include "io/carrier/xmpp/account.h"
#include "io/carrier/xmpp/cause.h"

struct xmpp_server {
    const struct xmpp_account *account;
    int time_ms;               /* for finding an address */
    const atomic_bool *cancel; /* ends that */
    struct resolve_addresses addresses;
    struct resolve_address *address; /* the one in use; NULL: none */
};

/* Finds the address that takes a connection; an address that then does not come up (has_failed is
 * cleared where it does) is tried last. Where there is none, `cause` says why. */
void xmpp_server_find(struct xmpp_server *server, struct xmpp_cause *cause);
