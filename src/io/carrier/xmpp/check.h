/* What one connection is to be made with, looked at before it is tried. Knows nothing of
 * connections. */
#pragma once

#include <stdbool.h>

#include "io/carrier/carrier.h"

/* account@domain/resource? */
bool xmpp_is_full_jid(const char *jid);

/* 0, or negative with `err`: an address that is none, no credentials, or a file that cannot be
 * read. The peers' JIDs are those at this endpoint. */
int xmpp_check(const struct xmpp_endpoint *endpoint, const char *const *peers, size_t peers_count,
               struct error *err);
