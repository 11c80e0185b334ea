/* The XMPP carrier of one link: connections (connection.h) to the link's endpoints, in the
 * order of preference, of which the pure core/link/endpoints chooses.
 *
 * It moves opaque frames between parties in <message type='headline'> stanzas, tells the shell
 * when the link or a peer's presence changes, and reconnects by itself. A party is known above by
 * one address, that at the first endpoint: below alone its addresses at the others are turned into
 * it and back. What goes to a party leaves by the endpoint that xmpp_link_route named; presence,
 * which a server can forge, decides only where nothing better is known. It knows nothing of
 * sessions and of what a frame means, and promises no delivery.
 *
 * libstrophe exports xmpp_send and xmpp_free: ours are named xmpp_link_..., or they would take
 * the place of its own. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "core/link/endpoints.h"
#include "io/shell/ports.h"

struct xmpp;

/* Endpoints with the same JID are nodes of one server cluster. */
struct xmpp_endpoint {
    const char *jid;         /* full JID: account@domain/resource */
    const char *password;    /* NULL: the certificate alone */
    const char *certificate_file, *key_file; /* ours, PEM, for SASL EXTERNAL; NULL: none */
    const char *host;        /* where to connect, NULL: the JID's domain by DNS */
    uint16_t port;           /* 0: 5222 */
    const char *ca_file;     /* PEM; the server's certificate chains to it and names the domain */
};

/* A party at the other end: its full JID at each endpoint, in their order. */
struct xmpp_peer {
    const char *const *addresses;
};

struct xmpp_settings {
    uint32_t link; /* index, given back in every event */
    const struct xmpp_endpoint *endpoints;
    size_t endpoints_count; /* 1 to limit_endpoints */
    enum endpoints_use use;
    const struct xmpp_peer *peers; /* they get our directed presence */
    size_t peers_count;
    const char *software;       /* answered to XEP-0092 */
    unsigned handshake_seconds; /* TCP, TLS and SASL together are cut after these; 0: 15 */
    unsigned ping_seconds;      /* our server is pinged after these without traffic; 0: 30. It has
                                 * two thirds of them to answer before the connection is dropped */
    unsigned hold_down_seconds; /* from an endpoint's loss to the next one; 0: 10 */
    unsigned return_seconds;    /* how long a better one is watched first; 0: 300 */
};

/* Leaves ca_file as the only authority: libstrophe trusts those of the system as well, and reads
 * them anew for each connection (60 ms, 900 kB), unless the environment says otherwise. To be
 * called at the top of main, while there is one thread; xmpp_link_new insists on it. */
void xmpp_link_prepare(void);

/* Starts the threads; connecting goes on in the background. NULL with `err` on bad settings
 * (unreadable CA file, malformed JID). All strings are copied. The threads block all signals,
 * SIGPIPE among them. */
struct xmpp *xmpp_link_new(const struct xmpp_settings *settings, struct shell *shell,
                           struct error *err);

enum xmpp_sent { XMPP_SENT = 0, XMPP_DROPPED = 1 };

/* Queues a frame, for xmpp_link_flush. XMPP_DROPPED while no connection is up, its queue is full or
 * the frame is over limit_frame_hard or not XML text (UTF-8 without control characters): the
 * session above mends it. Thread-safe. */
enum xmpp_sent xmpp_link_send(struct xmpp *xmpp, const char *address, const char *bytes,
                              size_t length);

/* The party at `address` is there, and reached by this endpoint. Thread-safe. */
void xmpp_link_route(struct xmpp *xmpp, const char *address, size_t endpoint);

/* Writes what is queued to the servers, on the caller's thread, which saves waking another; what
 * cannot go out at once is left to the connection's. Never waits. Thread-safe. */
void xmpp_link_flush(struct xmpp *xmpp);

/* Sends unavailable presence, closes the streams within two seconds and joins the threads. Only a
 * name resolution under way can take longer: the resolver's own limits end it. */
void xmpp_link_free(struct xmpp *xmpp);
