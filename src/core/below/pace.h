/* How fast askers that share hosts (core/below/lanes.h) begin operations beside each other.
 *
 * A turn at a host rules the queue there. What else all share has queues that no such turn rules:
 * the manager and its disk, the servers. Whoever begins as much as these can carry makes them slow
 * for everybody. So an asker that is ahead, which has begun more of late for its weight than
 * another one that has begun something, begins one operation at a time: the next when the newest
 * has been answered, or after 10 ms, whichever is first. Who asks for little finds nearly nothing
 * before it; nobody is held to less than what others get for their weight, nor to less than 100 a
 * second; and who is alone is not held at all. Of late: what was begun counts half after each 100
 * ms, one alone for 400 ms at the most.
 *
 * While an asker is held, the places where it has something to begin take turns. */
#pragma once

#include "core/below/lanes.h"

enum { pace_spacing_ms = 10, pace_halving_ms = 100, pace_one = 8 };

struct pace {
    uint64_t halved_ms;
    struct pace_asker {
        uint64_t begun;          /* of late: pace_one each, and what that has become */
        const struct book_op *newest;
        const struct lane *lane; /* where it is under way, or was; NULL: none yet */
        uint64_t newest_ms;
        struct list turns;       /* lane.turn: where it waits while it is held */
    } askers[limit_uplinks];
};

void pace_init(struct pace *pace);

/* The asker begins an operation, which is in lane->under_way. */
void pace_begun(struct pace *pace, size_t which, const struct lane *lane,
                const struct book_op *op, uint64_t now_ms);

/* When the asker may begin its next one, as far as was known when one was last begun by anybody; 0:
 * it is not held. */
uint64_t pace_due_ms(const struct pace *pace, const struct askers *askers, size_t which);
