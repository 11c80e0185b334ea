/* Leases: for how long a place may let VMs run without another word of its manager. When a lease
 * has ended for certain, its VMs run nowhere, and may be made to run elsewhere.
 *
 * A lease is of a link, not of a VM. It stands in the header of a manager's frame: so many ms from
 * when the agent's end first sent the message that the frame acknowledges last. The agent's end
 * (the holder) takes the safe side: it counts from before the manager heard of it. The manager (the
 * granter) counts from when it emits the frame, which is after that. So what the holder reckons
 * with ends before what the granter has promised, whatever the network does: a frame that is late,
 * comes twice or was recorded is about an old sending, and makes nothing longer. No clock is
 * compared with another; only their rates matter, and those are bounded (lease_margin_ms).
 *
 *   holder:   first sending of beat n ---------- lease ----------> until
 *   granter:            emits "received n" ---------- lease ----------> promised, + margin: ended
 *
 * VMs that may be restarted in another cluster run by a lease of the manager at the top. It counts
 * for a whole cluster, whose manager passes on to each of its places what is left of it, and never
 * for longer than its own; so down to the hosts. Their frames have a number for each reach.
 *
 * All times are the event's now_ms, which goes on while the machine is suspended (event.h). */
#pragma once

#include <stdint.h>

/* How far VMs may go that run by it. */
enum lease_reach { LEASE_CLUSTER, LEASE_ANYWHERE, LEASE_REACH_COUNT };

enum {
    lease_stop_ms = 5000,  /* after its end until nothing runs any more, at the very most */
    lease_beats_least = 4, /* beats of its link that a lease lasts for */
};

/* The holder's end. */
struct lease_sent {
    uint64_t number, first_ms;
};

struct lease {
    struct lease_sent sent[8]; /* the newest messages of this session that are counted from */
    uint32_t next;
    uint64_t until_ms[LEASE_REACH_COUNT]; /* 0: none was heard since the start */
};

/* A message has been sent for the first time. */
void lease_note(struct lease *lease, uint64_t number, uint64_t now_ms);

/* Another session: nothing that was sent before counts. What is held goes on. */
void lease_forget(struct lease *lease);

/* A frame of the session's acknowledges all up to `received`: until_ms[reach] may be later now. No
 * ms: none is given. */
void lease_hear(struct lease *lease, enum lease_reach reach, uint64_t received, uint64_t lease_ms);

/* What a manager that holds a lease until then may pass on: where the clocks are as far apart as
 * they may be, it ends no later there. At most `most_ms`. */
uint64_t lease_rest_ms(uint64_t until_ms, uint64_t now_ms, uint64_t most_ms);

/* By how much longer the granter has to wait than it has promised: its clock may be fast by a
 * hundredth, and the holder's slow by one; and until what is overdue has been stopped. */
uint64_t lease_margin_ms(uint64_t lease_ms);
