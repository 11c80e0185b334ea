/* The agent's end of a link to a manager: the session it opens and keeps, the capacity it shows,
 * the instructions it judges and the results it repeats until they are settled. The agent has it
 * toward its manager, the downstream manager toward each upstream: from above both look alike. */
#pragma once

#include "core/books/book.h"
#include "core/link/pins.h"

struct uplink;

/* `own` is its role's, like the book; whoever inits it sets it then. */
void uplink_init(struct uplink *uplink, const struct peer_setting *setting,
                 const struct role_settings *role, struct book *book, struct prng *prng);
void uplink_deinit(struct uplink *uplink);
struct pinned_peer uplink_pinned(struct uplink *uplink); /* its manager */

/* A stored record: what is known of its manager. Others are left alone. */
void uplink_load(struct uplink *uplink, const struct record *record);

/* Connection and presence. */
void uplink_on_presence(struct uplink *uplink, const struct event *event);

/* Says hello (with the digest of its VMs in `book`), beats, ends silent sessions. Call on every
 * tick, and after events that may have made a hello due. */
void uplink_tick(struct uplink *uplink);
uint64_t uplink_deadline_ms(const struct uplink *uplink);

/* What keeps leases here is alive, or not: the manager is told at the next uplink_tick. */
void uplink_set_guarded(struct uplink *uplink, bool guarded);

/* We are changing our key, or have: the manager is told at the next uplink_tick in a session. */
void uplink_on_rekey(struct uplink *uplink, const struct event *event);

/* Judges a frame. True: its messages are for the role, through uplink_on_message. */
bool uplink_on_frame(struct uplink *uplink, const struct event *event);

enum uplink_news {
    UPLINK_HANDLED,
    UPLINK_OPENED,   /* welcome: tell capacity and unsettled results */
    UPLINK_CATALOGUE, /* welcome again: other shapes, tell capacity */
    UPLINK_MESSAGE,  /* instruct, sync, settled, read: the role's */
};
enum uplink_news uplink_on_message(struct uplink *uplink, const struct message *message);

/* Takes a refusal, which waits for room. It is lost with the session, or where too many wait: then
 * the instruction is repeated. What is asked again is judged anew: its refusal waits no more. */
void uplink_send_refusal(struct uplink *uplink, struct message *message);
void uplink_forget_refusal(struct uplink *uplink, const char *op);

/* Says and hears nothing any more, until it is opened again. */
void uplink_shut(struct uplink *uplink);
void uplink_unshut(struct uplink *uplink);

/* Was the session full, and has it room again? Then refusals resume, the capacity is told, and the
 * rest resumes (uplink_resume()): what finds no room among these makes the uplink starved anew. */
bool uplink_resumes(const struct uplink *uplink);
void uplink_resume_refusals(struct uplink *uplink);

/* The capacity has (perhaps) changed: it is told after a short gathering, or before the next
 * progress or result. */
void uplink_capacity_changed(struct uplink *uplink);

/* Is it to be told by this tick, before any result? */
bool uplink_owes_capacity(const struct uplink *uplink);

/* Cuts it to what is believed above of one place (limit_place). */
void uplink_bound_capacity(struct capacity *capacity);

/* Tells `now`, so cut, if it differs from what was told, and which definitions of `book` it counts:
 * in one frame, so that the manager reserves for each until it is counted, and not a moment longer.
 * Takes what it owns. */
void uplink_tell_capacity(struct uplink *uplink, struct capacity *now);

/* Notes that nothing was told of the operation in this session: it begins, is loaded, or the
 * session is a new one. */
void uplink_mark_untold(struct book *book, struct book_op *op);

void uplink_check(const struct uplink *uplink);
