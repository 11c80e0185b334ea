/* One connection to an XMPP server (c2s, TLS, SASL) on a thread of its own, by libstrophe. It
 * connects when it is told to, and does not choose; xmpp.c has several of them and does.
 *
 * Its thread has the library but while it waits or serves; meanwhile, another may take it to write
 * what it has to say by itself.
 *
 * What happens is told through the functions at the end, from whichever thread has the library.
 * facts: libstrophe's handshake blocks (hence the thread and the watchdog), its select() stops at
 * descriptor 1024, its own xmpp_send drops silently outside CONNECT..DISCONNECT. */
#pragma once

#include <stdbool.h>

#include "core/link/failover.h"
#include "io/carrier/carrier.h"

struct xmpp_connection;

/* NULL with `err` on bad settings. `number` is given back in all that is told; the peers' JIDs are
 * those at this endpoint. All strings are copied. */
struct xmpp_connection *xmpp_connection_new(const struct xmpp_settings *settings, size_t number,
                                            const char *const *peers, struct xmpp *xmpp,
                                            struct error *err);

/* Connects, once, for use or as a probe: that one says nothing to anybody and has a resource of
 * its own. It was closed before; xmpp_on_down tells the end, whatever the cause. */
void xmpp_connection_open(struct xmpp_connection *connection, enum failover_want purpose);

/* Ends it, in the middle of a handshake too: unavailable presence, within two seconds. */
void xmpp_connection_close(struct xmpp_connection *connection);

/* Called by xmpp_link_send, with its contract. */
enum xmpp_sent xmpp_connection_send(struct xmpp_connection *connection, const char *address,
                                    const char *bytes, size_t length);

/* Called by xmpp_link_flush, with its contract. */
void xmpp_connection_flush(struct xmpp_connection *connection);

/* Closes it and joins the thread. Where there are several, close all of them first. */
void xmpp_connection_free(struct xmpp_connection *connection);

/* What xmpp.c is told by its connections. */
struct shell *xmpp_shell(const struct xmpp *xmpp);
void xmpp_on_up(struct xmpp *xmpp, size_t number);
void xmpp_on_down(struct xmpp *xmpp, size_t number, enum failover_loss loss);
void xmpp_on_peer(struct xmpp *xmpp, size_t number, const char *address, enum presence presence);
void xmpp_on_frame(struct xmpp *xmpp, size_t number, const char *from, const char *bytes,
                   size_t length);
