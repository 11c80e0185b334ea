/* Whose operation goes to a place next, where several parties share it: upstream managers the
 * hosts of one cluster. What is under way at a place at a time is bounded, and the rest waits here,
 * not there, so that nobody's flood is a queue before somebody else.
 *
 * Each party has a part of these by its weight, one at the least. It begins at once while it has
 * less than its part under way, whatever the others do; and beyond it, as long as the place has any
 * left. What gets free goes to the party that waits and has least under way for its weight (max-min
 * fairness: Bertsekas and Gallager, Data Networks, 6.5.2). What is under way counts, not how often
 * somebody was served: who asks for slow things pays for them alone.
 *
 * With one party, or none (an upstream manager's clusters), nothing is held back. */
#pragma once

#include "core/books/book.h"

struct parties {
    size_t count;
    const char *names[limit_uplinks]; /* of owners; outlive this */
    uint32_t weights[limit_uplinks];
};

/* One party's operations at one place; both lists are of book_op.by_room. */
struct lane {
    struct list waiting;
    struct list under_way; /* sent and not answered; kept by several parties alone */
    struct list turn;      /* in pace.parties[].turns, see core/below/pace.h */
};

size_t lanes_count(const struct parties *parties);
size_t lanes_which(const struct parties *parties, const char *owner);

/* How many of `at_once` are the party's own. */
uint32_t lanes_part(const struct parties *parties, size_t which, uint32_t at_once);

/* Has the place any of `at_once` left for the party? */
bool lanes_have_room(const struct parties *parties, const struct lane *lanes, size_t which,
                     uint32_t at_once);

/* May an operation that is new here begin, without waiting? */
bool lanes_are_free(const struct parties *parties, const struct lane *lanes, size_t which,
                    uint32_t at_once);

/* The party whose operation is to begin next, of those of the mask `parties_in`;
 * lanes_count(): none. */
size_t lanes_next(const struct parties *parties, const struct lane *lanes, uint32_t at_once,
                  uint64_t parties_in);

bool lanes_wait(const struct parties *parties, const struct lane *lanes);
