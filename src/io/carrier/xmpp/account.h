/* Who we are at an XMPP server, and where that is. */
#pragma once

#include "io/carrier/kind.h"

struct xmpp_account {
    char *jid, *probe_jid; /* full JIDs; a probe has a resource of its own */
    char *domain;
    char *password, *certificate_file, *key_file; /* NULL: none */
    char *host; /* NULL: the domain, by DNS */
    char *ca_file;
    uint16_t port;
};

/* Copies what xmpp_check has found to be right. */
void xmpp_account_init(struct xmpp_account *account, const struct carrier_endpoint *endpoint);
void xmpp_account_deinit(struct xmpp_account *account);

/* The server's name, for the log. */
const char *xmpp_account_host(const struct xmpp_account *account);
