/* Links that have several servers each: after a server's death a link works again on the next one
 * within the hold-down and a second, and not before; it returns to the best one; where a server is
 * there, a link works. */
#pragma once

#include "sim/laws/ledger.h"
#include "sim/world/fact.h"

/* Of a link, as long as its process lives: the newest use of a server that was lost. */
struct line_loss {
    struct entry entry;
    uint64_t at_ms;
    size_t line;
    uint32_t count;
    bool was_steady; /* what was lost had been up for long enough to have a hold-down of its own */
    bool is_out;     /* nothing is in use since */
};

struct lines {
    struct ledger losses; /* of struct line_loss, by the link's address */
};

void lines_lost(struct lines *lines, struct sim_world *world, const struct fact_line *fact);
void lines_up(struct lines *lines, struct sim_world *world, const struct fact_line *fact);

/* The time has come by which what was lost is to be in use again. */
void lines_due(struct lines *lines, struct sim_world *world, const struct occurrence *due);
void lines_crashed(struct lines *lines, const struct sim_node *node);

void lines_check(struct sim_world *world);
void lines_check_end(struct sim_world *world);
