/* Whose operation goes to a place next, where several askers share it: upstream managers the
 * hosts of one cluster. What is under way at a place at a time is bounded, and the rest waits here,
 * not there, so that nobody's flood is a queue before somebody else.
 *
 * Each asker has a part of these by its weight, one at the least. It begins at once while it has
 * less than its part under way, whatever the others do; and beyond it, as long as the place has any
 * left. What gets free goes to the asker that waits and has least under way for its weight (max-min
 * fairness: Bertsekas and Gallager, Data Networks, 6.5.2). What is under way counts, not how often
 * somebody was served: who asks for slow things pays for them alone.
 *
 * With one asker, or none (an upstream manager's clusters), nothing is held back. */
#pragma once

#include "core/books/book.h"

struct askers {
    size_t count;
    const char *names[limit_uplinks]; /* outlive this */
    uint32_t weights[limit_uplinks];
};

/* One asker's operations at one place; both lists are of book_op.by_room. */
struct lane {
    struct list waiting;
    struct list under_way; /* sent and not answered; kept by several askers alone */
    struct list turn;      /* in pace.askers[].turns, see core/below/pace.h */
};

size_t lanes_count(const struct askers *askers);
size_t lanes_which(const struct askers *askers, const char *asker);

/* How many of `at_once` are the asker's own. */
uint32_t lanes_part(const struct askers *askers, size_t which, uint32_t at_once);

/* Has the place any of `at_once` left for the asker? */
bool lanes_have_room(const struct askers *askers, const struct lane *lanes, size_t which,
                     uint32_t at_once);

/* May an operation that is new here begin, without waiting? */
bool lanes_are_free(const struct askers *askers, const struct lane *lanes, size_t which,
                    uint32_t at_once);

/* The asker whose operation is to begin next, of those of the mask `parties_in`;
 * lanes_count(): none. */
size_t lanes_next(const struct askers *askers, const struct lane *lanes, uint32_t at_once,
                  uint64_t askers_in);

bool lanes_wait(const struct askers *askers, const struct lane *lanes);
