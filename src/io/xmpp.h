/* The XMPP carrier: one client connection (c2s, TLS, SASL) on a thread of its own, by libstrophe.
 *
 * It moves opaque frames between full JIDs in <message type='headline'> stanzas, tells the shell
 * when the connection or a peer's presence changes, and reconnects by itself with back-off and
 * jitter. It knows nothing of sessions and of what a frame means, and promises no delivery.
 * facts: libstrophe's handshake blocks (hence the thread and the watchdog), its select() stops at
 * descriptor 1024, its own xmpp_send drops silently outside CONNECT..DISCONNECT.
 *
 * libstrophe exports xmpp_send and xmpp_free: ours are named xmpp_link_..., or they would take
 * the place of its own. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "io/ports.h"

struct xmpp;

struct xmpp_settings {
    uint32_t link;           /* index, given back in every event */
    const char *jid;         /* full JID: account@domain/resource */
    const char *password;
    const char *host;        /* where to connect, NULL: the JID's domain by DNS */
    uint16_t port;           /* 0: 5222 */
    const char *ca_file;     /* PEM; the server's certificate chains to it and names the domain */
    const char *const *peers; /* full JIDs that get our directed presence */
    size_t peers_count;
    const char *software;    /* answered to XEP-0092 */
    unsigned handshake_seconds; /* TCP, TLS and SASL together are cut after these; 0: 15 */
    unsigned ping_seconds;      /* our server is pinged after these without traffic; 0: 30. It has
                                 * two thirds of them to answer before the connection is dropped */
};

/* Leaves ca_file as the only authority: libstrophe trusts those of the system as well, and reads
 * them anew for each connection (60 ms, 900 kB), unless the environment says otherwise. To be
 * called at the top of main, while there is one thread; xmpp_link_new insists on it. */
void xmpp_link_prepare(void);

/* Starts the thread; connecting goes on in the background. NULL with `err` on bad settings
 * (unreadable CA file, malformed JID). All strings are copied. The thread blocks all signals,
 * SIGPIPE among them. */
struct xmpp *xmpp_link_new(const struct xmpp_settings *settings, struct shell *shell,
                           struct error *err);

enum xmpp_sent { XMPP_SENT = 0, XMPP_DROPPED = 1 };

/* Hands a frame to the connection's thread. XMPP_DROPPED while it is down, its queue is full or
 * the frame is over limit_frame_hard or not XML text (UTF-8 without control characters): the
 * session above mends it. Thread-safe. */
enum xmpp_sent xmpp_link_send(struct xmpp *xmpp, const char *address, const char *bytes,
                              size_t length);

/* Sends unavailable presence, closes the stream within two seconds and joins the thread. Only a
 * name resolution under way can take longer: the resolver's own limits end it. */
void xmpp_link_free(struct xmpp *xmpp);
