/* A session: what makes messages between a manager and an agent arrive once each and in order,
 * above any carrier. Each side draws a random number when it opens one. A frame carries both
 * numbers, the number of its first message, and the newest message that its sender has received
 * with all before it.
 *
 *            agent: link up / reset / silence: hello(new number)
 *   CLOSED ------------------------------------------------------> OPENING (agent waits for
 *     ^  ^                                                             | welcome, says hello
 *     |  | manager: hello                                              | again with back-off)
 *     |  +---------------------------------> OPEN <---- welcome -------+
 *     +-- link down, peer gone, restarted, or silent for three beats --+
 *
 * What was sent is kept until it is acknowledged. After a time-out, or when the peer tells of a
 * gap, everything from there is sent again (go-back-N: a receiver takes messages in order only);
 * frames are not kept, so repeats are batched anew. The time-out follows the round trips that
 * were measured, on messages that went out once (Karn and Partridge, 1987): on a slow link, too
 * little patience would fill it with repeats. Acknowledgements ride on what is said anyway;
 * where nothing is, a frame without messages carries them, which nobody acknowledges.
 *
 * Received, and so acknowledged, is what has come in its order and was judged: also a message that
 * could not be read (MESSAGE_UNREADABLE), which is never applied. It would be no better for coming
 * again, and would hold up all behind it. What matters is told again by rules of its own: a result
 * until it is settled, a state or a capacity when it changes, all of it in the next session.
 *
 * What is kept is bounded. Whoever has more to say asks session_is_full() first and tells it again
 * from the books when there is room; a session whose queue overflows all the same ends, and both
 * sides tell anew from disk what matters (section 5). */
#pragma once

#include "core/moment.h"
#include "core/settings.h"

enum session_state { SESSION_CLOSED, SESSION_OPENING, SESSION_OPEN };

/* What is owed to the peer: word of what was received. */
enum session_debt { OWES_NOTHING, OWES_SOON, OWES_NOW };

struct session_item;

struct session {
    const struct peer_setting *peer; /* whom it is with; outlives it */
    struct moment *moment;           /* its role's */
    enum session_state state;
    enum session_debt owes;
    bool gap;             /* of what came, something is missing in between */
    bool overflowed;      /* is to end */
    uint32_t version;     /* of the protocol, that is spoken; 0: not known yet */
    uint32_t most;        /* messages that are kept before it is full; for good */
    uint32_t attempts;    /* time-outs since a round trip was last measured */
    uint32_t fresh;       /* of the frame received last: the first message that is new */
    uint64_t number, peer_number; /* peer_number 0: not known */
    uint64_t heard_ms;    /* when the peer last said something new */
    uint64_t received;    /* newest message of the peer's that was taken, with all before */
    uint64_t told;        /* newest of the peer's that the peer was told of */
    uint64_t owes_ms;     /* when a debt is paid without an occasion; 0: not yet set */
    uint64_t sent;        /* newest message of our own */
    uint64_t flown;       /* newest of ours that has gone out in this turn; later ones wait */
    uint64_t confirmed;   /* newest of ours that the peer has acknowledged, with all before */
    uint64_t recovered;   /* until this one is confirmed, little flies at a time */
    uint64_t again_from;  /* the gap that was mended at the peer's word */
    uint64_t timed;       /* its way there and back is measured; 0: none is */
    uint64_t timed_ms;    /* when it went out; 0: in this step */
    uint64_t patience_ms; /* before what is not confirmed goes out again; 0: not yet known */
    uint64_t resend_ms;   /* when what is not confirmed goes out again; 0: not yet set */
    struct session_item *first, *next, *last; /* kept; the next to go out; NULL: none */
    size_t bytes;         /* that are kept */
    uint64_t lease_ms;    /* a manager's: that its frames give; 0: none */
    const uint64_t *anywhere_until_ms; /* then: its own lease from above; book_never: it has none
                                        * above it, and gives that alone */
    uint64_t promised_ms; /* until when what they gave may last, by our own clock; for good */
};

/* A closed one with `peer` that keeps `most` messages; 0: limit_session_messages. */
void session_init(struct session *session, const struct peer_setting *peer, uint32_t most,
                  struct moment *moment);

/* Opens it with a number of our own; the peer's may not be known yet: 0. */
void session_open(struct session *session, enum session_state state, uint64_t number,
                  uint64_t peer_number);

/* Closes and forgets numbers and queue; the next opening draws new ones. */
void session_close(struct session *session);

/* Is there no room for more than what keeps the session itself going? */
bool session_is_full(const struct session *session);

/* Was it full, and is there room for a good deal again? */
bool session_has_drained(const struct session *session);

/* Takes the message (the struct is left empty), keeps it until it is confirmed and appends a SEND
 * as soon as it may fly. One that the peer could not read is dropped, and noted as our fault. */
void session_send(struct session *session, struct message *message);

/* Says something outside the queue: hello or reset, which open and end sessions. It is message
 * number 1 and is not kept. */
void session_say(struct session *session, struct message *message);

enum session_verdict {
    SESSION_ACCEPT,   /* apply its messages from session->fresh on */
    SESSION_DROP,     /* nothing to apply: an acknowledgement, a repeat, or what follows a gap */
    SESSION_STRANGER, /* of a session that this side does not know */
};

/* Judges a frame's numbers and remembers them; session_tick() in the same step does the rest. */
enum session_verdict session_receive(struct session *session, const struct frame *frame);

/* Sends again, acknowledges, sets its times. To be called in every step in which the deadline is
 * due, which it is at once after each of the calls above. */
void session_tick(struct session *session);
uint64_t session_deadline_ms(const struct session *session);

/* How long a message may be on its way, at the most: one that was would come to another session. */
uint64_t session_late_ms(uint64_t beat_ms);

/* When the peer is given up, if nothing new is heard: after three beats and a round trip. */
uint64_t session_silence_ms(const struct session *session, uint64_t beat_ms);

/* Asserts what has to hold of its numbers and its queue. */
void session_check(const struct session *session);
