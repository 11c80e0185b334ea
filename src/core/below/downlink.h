/* The manager's end of links: all the agents of one manager (clusters upstream, hosts
 * downstream), their sessions, capacity and instructions under way. Both managers use it; it
 * knows nothing of tenants, policies or uplinks.
 *
 * Peer:   AWAY --hello--> UP --silence, presence gone, link down--> SUSPECT --hold-down--> AWAY
 *                          ^------------------ hello -------------------|
 * Only a peer that is UP gets instructions and new VMs. */
#pragma once

#include "base/tournament.h"
#include "core/books/book.h"
#include "core/below/lanes.h"
#include "core/below/pace.h"
#include "core/link/pins.h"
#include "core/role.h"
#include "core/link/session.h"

/* Sums and counts of one place or of all. fits[] stands in the catalogue's order. */
struct room {
    struct capacity total; /* numbers only; its fits are not used */
    uint64_t fits[limit_shapes];
};

/* What is left is counted modulo 2^64, and only the whole is cut off at 0 (law 1: which of the
 * places has less than nothing left, since a reservation and its capacity both count the same VM,
 * shows nowhere). */
static inline uint64_t room_left(uint64_t count) { return count > INT64_MAX ? 0 : count; }

struct downlink;

struct peer {
    struct peer_setting setting;
    struct downlink *downlink;
    struct session session;
    uint32_t endpoint;    /* that brought what was taken last */
    struct timer timer;   /* in downlink.timers: the session's */
    struct lane *lanes;   /* of each party: instructions that wait for room or for their turn */
    enum peer_state state;
    uint64_t state_ms;    /* monotonic: when it became so */
    uint64_t seen_ms;     /* wall: the same */
    uint64_t lost_ms;     /* wall: when it was last heard no more; 0: not since the start */
    struct list vms;      /* book_vm.by_place */
    uint32_t sync_round;
    uint64_t unreflected; /* definitions and resizes sent that its capacity does not count yet */
    uint64_t *reserved;   /* [catalogue], how many they may be in the way of; NULL: none */
    struct size unreflected_size; /* their sum */
    uint64_t cordoned_ms; /* wall: since when it gets nothing new; 0: it does */
    enum host_duty duty;  /* then: what for */
    enum limits_from labels_from;
    char *labels;         /* LIMITS_SET: in place of setting.labels */
    struct overcommit overcommit; /* what was set for it alone; 0: as for all */
    bool sends, receives; /* VMs that run: to other hosts, from them */
    char *networks;       /* as its newest hello said; NULL: none, or none came */
    bool has_told;        /* its capacity, since the start */
    struct capacity capacity; /* as told, or stored; numbers only, as in a room */
    uint64_t *fits;       /* [catalogue], likewise */
    uint64_t counted;     /* a bit for each of the catalogue that it told a count of */
    char *next_key;       /* that it is changing to, or NULL */
    struct capacity added; /* what it adds to the sum's numbers now */
};

struct downlink {
    struct peer *peers;
    size_t count;
    struct map by_address, by_name;
    struct shape catalogue[limit_shapes];
    size_t catalogue_count;
    struct room sum;      /* of the peers that are up */
    struct parties parties; /* who share the peers; none: everything is one's */
    struct lane *lanes;   /* [peers x lanes_count()] */
    struct pace pace;     /* between parties, over all peers */
    struct tournament rooms[limit_shapes]; /* [catalogue], what each peer adds to the sum now */
    size_t up_count;      /* peers that are up */
    uint64_t beat_ms, hold_down_ms;
    struct overcommit overcommit; /* asked of all; 0: nothing is said of it */
    uint64_t sweep_due_ms;
    struct heap timers;   /* of peers whose session wants a tick */
    bool changed;         /* the sum is another since the role last looked */
    char next_key[limit_public_key_size]; /* that we are changing to, or "" */
    struct prng prng;
};

void downlink_init(struct downlink *downlink, const struct role_settings *settings,
                   struct prng *prng);
void downlink_deinit(struct downlink *downlink);

/* Several parties share the peers; before anything is under way. */
void downlink_share(struct downlink *downlink, const struct parties *parties);

/* A party's weight is another from now on. */
void downlink_weigh(struct downlink *downlink, size_t party, uint32_t weight);

/* An operation there has ended without an answer: another may go. */
void downlink_freed(struct peer *peer);

/* After a start nobody has been heard and nobody is given up: all become SUSPECT. */
void downlink_start(struct downlink *downlink, const struct event *event);

/* May a peer that is not up now, or has not told what it has, be back before its hold-down ends?
 * Then finding no room is no answer yet. */
bool downlink_awaits(const struct downlink *downlink, const struct event *event);

/* The pinned peer with this address on this link, or NULL: nobody else is heard. */
struct peer *downlink_peer(const struct downlink *downlink, uint32_t link, const char *address);
struct peer *downlink_by_name(const struct downlink *downlink, const char *name);
bool peer_is_up(const struct peer *peer);
struct pinned_peer peer_pinned(struct peer *peer);

/* Adds a size to the catalogue and tells all agents. False: the catalogue is full. */
bool downlink_add_shape(struct downlink *downlink, const struct shape *shape,
                        struct effects *out);

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
enum downlink_news downlink_on_frame(struct downlink *downlink, struct peer *peer,
                                     const struct event *event, struct effects *out);

/* The downlink's part of one message of an accepted frame: capacity, another key. */
void downlink_on_message(struct downlink *downlink, struct peer *peer,
                         const struct message *message, const struct event *event,
                         struct effects *out);

/* We are changing our key, or have: all peers are told, now or when they open a session. */
void downlink_on_rekey(struct downlink *downlink, const struct event *event, struct effects *out);

/* Presence and the own connection: hints that end a session early. */
void downlink_on_presence(struct downlink *downlink, const struct event *event);

/* Ends the peer's session; it is suspect until it says hello again. */
void peer_close(struct downlink *downlink, struct peer *peer, const struct event *event);

/* What the peer told last, with its counts by the shapes' names; to be cleared. */
struct capacity peer_capacity(const struct peer *peer);

/* What it told before the start: to be shown. Nothing is placed by it. */
void peer_load_capacity(struct peer *peer, const struct capacity *capacity);

/* From `wall_ms` on the peer gets nothing new, and what is free there counts for nobody; with 0 it
 * does again. */
void downlink_cordon(struct downlink *downlink, struct peer *peer, uint64_t wall_ms);

/* Is what is there to go elsewhere? */
bool peer_is_emptied(const struct peer *peer);

/* Sets labels in place of the configured ones; LIMITS_CONFIGURED: those again. */
void peer_set_labels(struct peer *peer, enum limits_from from, const char *labels);
const char *peer_labels(const struct peer *peer); /* NULL: none */

/* How much of itself the peer is to lend. 0 of the peer's own: as all; it is told if it is up. */
struct overcommit peer_overcommit(const struct peer *peer);
void peer_set_overcommit(struct peer *peer, const struct overcommit *overcommit,
                         struct effects *out);

/* Silence and hold-downs; call on every tick. */
void downlink_on_tick(struct downlink *downlink, const struct event *event);

/* At the end of every step: sessions acknowledge and send again; where there is room again, the
 * instructions that wait for it go out. */
void downlink_on_end_of_step(struct downlink *downlink, struct book *book,
                             const struct event *event, struct effects *out);
uint64_t downlink_deadline_ms(const struct downlink *downlink);
void downlink_check(const struct downlink *downlink);

/* Sends the active operation of `vm` to the place where the VM is, if that is up and has room, and
 * schedules the next try. */
void downlink_instruct(struct downlink *downlink, struct book *book, struct book_vm *vm,
                       const struct event *event, struct effects *out);

/* The same of a place that is connected again: the wait for it stands in the timeline. */
void downlink_instruct_again(struct downlink *downlink, struct book *book, struct book_vm *vm,
                             const struct event *event, struct effects *out);

/* Sends to a peer whose session is open and has room; the message is moved or dropped. */
void downlink_send(struct peer *peer, struct message *message, struct effects *out);
void downlink_settle(struct peer *peer, const char *op, struct effects *out);

/* The peer's capacity counts this operation from now on (or it never will). */
void downlink_reflect(struct downlink *downlink, struct peer *peer, struct book_op *op);

/* The digest over the VMs at a peer, as the peer computes it over its own (uplink.h). */
uint64_t downlink_digest(const struct peer *peer);
