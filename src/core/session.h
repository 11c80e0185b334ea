/* A session: what makes messages between a manager and an agent belong together, above any
 * carrier. Each side draws a random number when it opens one; every frame carries both numbers
 * and a sequence. A frame of another session, or one that was seen already, is not applied.
 * Loss is noticed by a gap and ends the session: what matters is durable on both sides and told
 * again when the next one opens (section 5).
 *
 *            agent: link up / reset / silence: hello(new number)
 *   CLOSED ------------------------------------------------------> OPENING (agent waits for
 *     ^  ^                                                             | welcome, says hello
 *     |  | manager: hello                                              | again with back-off)
 *     |  +---------------------------------> OPEN <---- welcome -------+
 *     +---- link down, peer gone, a gap, three beats of silence ---- */
#pragma once

#include "core/effect.h"
#include "core/event.h"
#include "core/role.h"

enum session_state { SESSION_CLOSED, SESSION_OPENING, SESSION_OPEN };

struct session {
    enum session_state state;
    uint64_t number, peer_number; /* peer_number 0: not known */
    uint64_t sent, received;      /* sequence of the newest message each way */
    uint64_t heard_ms;            /* when the peer was last heard */
};

/* Closes and forgets the numbers; the next opening draws new ones. */
void session_close(struct session *session);

/* Appends a SEND of `message`, whose contents move into the effect (the struct is left empty). */
void session_send(struct session *session, const struct peer_setting *peer,
                  struct message *message, struct effects *out);

enum session_verdict {
    SESSION_ACCEPT,
    SESSION_DROP,     /* a repeat, or of an older session of ours */
    SESSION_STRANGER, /* of a session that this side does not know */
    SESSION_GAP,      /* something before it was lost: open a new one, both sides re-derive */
};

/* Judges a frame's numbers and, if it is accepted, remembers them. */
enum session_verdict session_receive(struct session *session, const struct frame *frame,
                                     uint64_t now_ms);
