/* What VMs have used, as far as this process has heard: of each VM the last hour mark by mark, and
 * a day before that in longer ones, in memory that is bounded for all of them together. */
#pragma once

#include "base/list.h"
#include "message/records/usage.h"

/* Of one VM. */
struct usage_history;

struct usage_book {
    struct list all;    /* usage_history.in_turn: who is looked at first for room */
    uint64_t every_ms;  /* how often places are asked to tell; 0: never */
    size_t count, kept; /* histories; marks of all */
    size_t most;        /* of them */
};

/* `most` 0: limit_usage_kept. */
void usage_book_init(struct usage_book *book, uint64_t every_ms, size_t most);

/* What comes sooner than was asked for is left out. `*of`: the VM's, NULL: it has none yet. */
void usage_add(struct usage_book *book, struct usage_history **of, uint64_t wall_ms,
               const struct usage *usage);
void usage_drop(struct usage_history **of);

/* Asserts that its counts are true, and within the bound. */
void usage_check(const struct usage_book *book);

/* The marks, oldest first, for the caller to free; NULL and 0: there are none. */
struct usage_mark *usage_marks(const struct usage_history *history, uint32_t *out_count);
