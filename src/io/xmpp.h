/* The XMPP carrier: one client connection (c2s, TLS, SASL) on a thread of its own, by libstrophe.
 *
 * It moves opaque frames between full JIDs in <message type='headline'> stanzas, tells the shell
 * when the connection or a peer's presence changes, and reconnects by itself with back-off and
 * jitter. It knows nothing of sessions and of what a frame means, and promises no delivery.
 * facts: libstrophe's handshake blocks (hence the thread and the watchdog), its select() stops at
 * descriptor 1024, its own xmpp_send drops silently outside CONNECT..DISCONNECT.
 *
 * libstrophe exports xmpp_send and xmpp_free: ours are xmpp_link_..., or they would replace its own.
 * A program that uses this room ignores SIGPIPE (libstrophe writes without MSG_NOSIGNAL) and sets
 * SSL_CERT_FILE=/dev/null and SSL_CERT_DIR=/nonexistent in its environment before the first thread
 * starts (libstrophe always trusts the system's authorities as well; this leaves ca_file alone).
 * xmpp_link_new refuses to start otherwise. */
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
    const char *ca_file;     /* PEM; the server's certificate must chain to it and name the domain */
    const char *const *peers; /* full JIDs that get our directed presence */
    size_t peers_count;
    const char *software;    /* answered to XEP-0092 */
    unsigned handshake_seconds; /* TCP, TLS and SASL together are cut after these; 0: 15 */
};

/* Starts the thread; connecting goes on in the background. NULL with `err` on bad settings
 * (unreadable CA file, malformed JID). All strings are copied. */
struct xmpp *xmpp_link_new(const struct xmpp_settings *settings, struct shell *shell,
                           struct error *err);

enum xmpp_sent { XMPP_SENT = 0, XMPP_DROPPED = 1 };

/* Hands a frame to the connection's thread. XMPP_DROPPED while it is down, its queue is full or
 * the frame is over limit_frame_hard: the session above mends it. Thread-safe. */
enum xmpp_sent xmpp_link_send(struct xmpp *xmpp, const char *address, const char *bytes,
                              size_t length);

/* Sends unavailable presence, closes the stream within two seconds and joins the thread. */
void xmpp_link_free(struct xmpp *xmpp);
