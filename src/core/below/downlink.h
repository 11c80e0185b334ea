/* The manager's end of links: all the agents of one manager (clusters upstream, hosts
 * downstream), their sessions, capacity and instructions under way. Both managers use it; it
 * knows nothing of tenants, policies or uplinks. What a peer is, and its states: below/peer.h. */
#pragma once

#include "core/books/book.h"
#include "core/link/incarnation.h"

struct downlink;
struct peer;

/* `own` is its role's, like the book; whoever inits it sets it then. */
void downlink_init(struct downlink *downlink, const struct role_settings *settings,
                   struct book *book, struct prng *prng);
void downlink_deinit(struct downlink *downlink);

/* After a start nobody has been heard and nobody is given up: all become SUSPECT. */
void downlink_start(struct downlink *downlink);

/* May the peer, which is not up or has not told what it has, be back before its hold-down ends? */
bool peer_is_awaited(const struct peer *peer);

/* The pinned peer with this address on this link, or NULL: nobody else is heard. */
struct peer *downlink_peer(const struct downlink *downlink, uint32_t link, const char *address);
struct peer *downlink_by_name(const struct downlink *downlink, const char *name);

/* What the peer told last, by another store than before, is believed from here on. False: there is
 * nothing to accept. */
bool downlink_accept(struct peer *peer);

/* Puts a size into the catalogue, at its end or in place of the one that stood there, and tells all
 * agents. */
void downlink_set_shape(struct downlink *downlink, size_t at, const struct shape *shape);

/* Of how many VMs of size `of` one that is put takes the room, at the most. */
uint64_t downlink_takes(const struct size *put, const struct size *of);

/* The index of the shape with this size in the catalogue, or -1. */
int downlink_shape(const struct downlink *downlink, const struct size *size);

/* What a frame from a peer asks of the role, after the downlink did its part. */
enum downlink_news {
    DOWNLINK_NOTHING,
    DOWNLINK_OPENED,  /* send again what is under way there */
    DOWNLINK_MESSAGES, /* the role handles vm, table, progress and result messages */
};

/* Judges the frame; a stranger is told to say hello. */
enum downlink_news downlink_on_frame(struct peer *peer, const struct event *event);

/* The downlink's part of one message of an accepted frame: capacity, another key. */
void downlink_on_message(struct peer *peer, const struct message *message);

/* We are changing our key, or have: all peers are told, now or when they open a session. */
void downlink_on_rekey(struct downlink *downlink, const struct event *event);

/* Presence and the own connection: hints that end a session early. */
void downlink_on_presence(struct downlink *downlink, const struct event *event);

/* Ends the peer's session; it is suspect until it says hello again. */
void peer_close(struct peer *peer);

/* What the peer told counts no more: it is given up. */
void peer_forget_capacity(struct peer *peer);

/* From `wall_ms` on the peer gets nothing new, and what is free there counts for nobody; with 0 it
 * does again. */
void downlink_cordon(struct peer *peer, uint64_t wall_ms);
void peer_set_overcommit(struct peer *peer, const struct overcommit *overcommit);

/* Silence and hold-downs; call on every tick. */
void downlink_on_tick(struct downlink *downlink);
uint64_t downlink_deadline_ms(const struct downlink *downlink);
void downlink_check(const struct downlink *downlink);

/* Sends to a peer whose session is open and has room; the message is moved or dropped. */
void downlink_send(struct peer *peer, struct message *message);
void downlink_settle(struct peer *peer, const char *op);

/* The peer's capacity counts this operation from now on (or it never will). */
void downlink_reflect(struct peer *peer, struct book_op *op);

/* The digest over the VMs at a peer, as the peer computes it over its own (uplink.h). */
uint64_t downlink_digest(const struct peer *peer);
bool peer_has_room(const struct peer *peer);

/* The VM's active definition, or what it grows by, takes room there that no capacity of the peer
 * counts yet. */
void peer_reserve(struct peer *peer, const struct book_vm *vm);
