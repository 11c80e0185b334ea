/* The carrier of one link: lines to the link's servers, of whichever kind each is (kind.h), in the
 * order of preference, of which the pure core/link/endpoints chooses. It moves opaque frames
 * between peers, tells the shell when the link or a peer's presence changes, and reconnects by
 * itself. An address is a text that its kind alone understands. A peer is known above by one
 * address, that at the first server: below alone its addresses at the others are turned into it
 * and back.
 *
 * What the sessions above may rely on, whatever the kind (tests/system/test_carrier.py):
 *  1. Bytes arrive unchanged or not at all, up to limit_frame_hard; more is dropped at once. Only
 *     a frame that is bytes (message/protocol.h) may arrive as the same in text.
 *  2. Between two peers they keep their order; a repeat or a loss is allowed.
 *  3. Nothing is stored: no frame arrives that was sent before the receiver was connected.
 *  4. `from` is what the server vouches for.
 *  5. A server that is dead or hangs is left within twice ping_seconds.
 *  6. Sending never waits: bounded bytes and frames wait, then frames are dropped; none waits while
 *     the link is down.
 *  7. Presence is a hint, which a server can forge: up may never be told, down ends a session.
 *  8. Of two with our address, one is told of the conflict, and they do not fight for ever.
 *  9. It is freed within two seconds, in a handshake too. A name resolution under way can take
 *     longer: the resolver's own limits end it.
 * 10. It is encrypted, and the server proven by the one authority that is configured, always.
 * 11. Why a connection failed is logged in words with a remedy, once and not at each repeat.
 * 12. A probe says nothing to anybody and does not disturb the peer that uses the address.
 * It knows nothing of sessions and of what a frame means. What goes to a peer leaves by the server
 * that carrier_route named; presence decides only where nothing better is known. */
#pragma once

#include "core/link/endpoints.h"
#include "io/carrier/kind.h"

/* A peer at the other end: its address at each endpoint, in their order. */
struct carrier_peer {
    const char *const *addresses;
};

struct carrier_settings {
    uint32_t link; /* index, given back in every event */
    const struct carrier_endpoint *endpoints;
    size_t endpoints_count; /* 1 to limit_endpoints */
    enum endpoints_use use;
    const struct carrier_peer *peers;
    size_t peers_count;
    const char *software;
    unsigned handshake_seconds; /* until a connection is up, or cut; 0: 15 */
    unsigned ping_seconds;      /* our server is asked after these without traffic; 0: 30. It has
                                 * two thirds of them to answer before the connection is dropped */
    unsigned hold_down_seconds; /* from an endpoint's loss to the next one; 0: 10 */
    unsigned return_seconds;    /* how long a better one is watched first; 0: 300 */
};

/* Starts the threads; connecting goes on in the background. NULL with `err` on bad settings. All
 * strings are copied. The threads block all signals, SIGPIPE among them. carrier_prepare (kinds.h)
 * was called. */
struct carrier *carrier_new(const struct carrier_settings *settings, struct shell *shell,
                            struct error *err);

/* Queues a frame, for carrier_flush. CARRIER_DROPPED while no connection is up, its queue is full,
 * the frame is over limit_frame_hard or not what the kind can carry: the session above mends it.
 * Thread-safe. */
enum carrier_sent carrier_send(struct carrier *carrier, const char *address, const char *bytes,
                               size_t length);

/* The peer at `address` is there, and reached by this endpoint. Thread-safe. */
void carrier_route(struct carrier *carrier, const char *address, size_t endpoint);

/* Lets what is queued go out, on the caller's thread where that saves waking another; what cannot
 * go out at once is left to the line's own. Never waits. Thread-safe. */
void carrier_flush(struct carrier *carrier);

/* Why a server is not connected, in words that name no address. */
struct carrier_fault {
    char cause[160], remedy[200];
};

struct carrier_state {
    bool is_up;                 /* by one server at the least */
    struct carrier_fault fault; /* of the first server that has one; "": none has */
};
void carrier_read(struct carrier *carrier, struct carrier_state *out_state); /* thread-safe */

/* Says good-bye, closes the lines and joins the threads. */
void carrier_free(struct carrier *carrier);

/* Told of lines, from their own threads. */
void carrier_on_up(const struct carrier_line *line);
void carrier_on_down(const struct carrier_line *line, enum failover_loss loss);
void carrier_on_fault(const struct carrier_line *line, const char *cause, const char *remedy);
void carrier_on_peer(const struct carrier_line *line, const char *address,
                     enum presence presence);
void carrier_on_frame(const struct carrier_line *line, const char *from, const char *bytes,
                      size_t length);
