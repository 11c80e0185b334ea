/* What one connection is to be made with, looked at before it is tried. Knows nothing of
 * connections. */
#pragma once

#include <stdbool.h>

#include "io/carrier/kind.h"

/* account@domain/resource? */
bool xmpp_is_full_jid(const char *jid);

/* 0, or negative with `err`: an address that is none, no credentials, or a file that cannot be
 * read. The peers' JIDs are those at this endpoint. */
int xmpp_check(const struct carrier_endpoint *endpoint, const char *const *peers,
               size_t peers_count, struct error *err);

/* Leaves ca_file as the only authority: libstrophe trusts those of the system as well, and reads
 * them anew for each connection (60 ms, 900 kB), unless the environment says otherwise. While there
 * is one thread; xmpp_check insists on it. */
void xmpp_prepare(void);
