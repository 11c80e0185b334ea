/* Every request has one answer, in time; one key makes one operation; what was answered stays
 * known. */
#pragma once

#include "sim/laws/ledger.h"
#include "sim/world/fact.h"

/* Of a request without its answer. */
struct asked {
    struct entry entry;
    uint64_t due_ms;
    char key[limit_key_size];
    char tenant[limit_name_size]; /* by whom; "": an operator, or nobody who is known */
};

/* Of an idempotency key. */
struct used_key {
    struct entry entry;
    char op[limit_id_size];
};

struct answers {
    struct ledger asked, keys, told; /* the last of struct entry, by operation */
};

void answers_asked(struct answers *answers, const struct sim_world *world,
                   const struct sim_node *cloud, const struct request *request);
void answers_check(struct answers *answers, struct sim_world *world, const struct sim_node *cloud,
                   const struct reply *reply);
void answers_crashed(struct answers *answers, const struct sim_node *cloud);
void answers_check_minute(const struct answers *answers, struct sim_world *world);
void answers_check_end(const struct answers *answers, struct sim_world *world);

/* At rest: each operation that the upstream manager's disk keeps stands in its list, the newest
 * first, and can be read. */
void answers_check_history(struct sim_world *world, struct sim_node *node);
