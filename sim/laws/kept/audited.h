/* The audit: its rows are chains without gaps, whatever crashes; each operation that somebody was
 * told of stands in one that was on the disk by then; and a VM that is made anew since its place
 * was lost stands in one that is there with it, and says how old its disk is. */
#pragma once

#include "sim/laws/ledger.h"
#include "sim/world/fact.h"

/* Of an asker's chain. */
struct audit_end {
    struct entry entry;
    uint64_t first, number; /* of its oldest row and its newest; first 0: that is not known */
    char digest[limit_digest_size];
};

/* Of a row. */
struct audit_kept {
    struct entry entry;
    char chain[96];
    uint64_t number;
};

/* Of a VM. */
struct audit_restarts {
    struct entry entry;
    bool is_known;
    uint32_t restarts;
};

struct audited {
    struct ledger ends, rows, ops; /* the last of struct entry, by operation */
    struct ledger restarts;
};

/* What effects store is about to be there for good. */
void audited_check(struct audited *audited, struct sim_world *world, const struct sim_node *node,
                   const struct effects *effects);

/* A request that changes something was answered with an operation, a request that asks for a new
 * one is refused. */
void audited_check_answer(const struct audited *audited, struct sim_world *world,
                          const struct sim_node *node, const struct reply *reply);
