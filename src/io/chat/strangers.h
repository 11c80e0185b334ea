/* How often an address is answered that is not linked, and the codes by which it may be: bounded
 * for one, and for all of them together, so that nobody has this program write much to anybody, and
 * nobody guesses. Pure: the time and the codes are told. */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "io/keys/link_code.h"
#include "message/limits.h"

enum {
    strangers_most = 512,            /* that are kept; the one that rested longest gives way */
    strangers_answers = 6,           /* to one of them in strangers_window_ms */
    strangers_answers_all = 60,      /* to all in strangers_all_ms */
    strangers_window_ms = 600000,
    strangers_all_ms = 60000,
    strangers_code_ms = 600000,      /* how long a code is good */
    strangers_tries = 3,             /* at one code */
};

/* So many in a window of time. */
struct chat_budget {
    uint64_t began_ms;
    uint32_t used;
};
bool chat_budget_take(struct chat_budget *budget, uint64_t now_ms, uint32_t most,
                      uint64_t window_ms);

struct strangers {
    struct map by_jid;
    struct list by_use; /* what rested longest is first */
    struct chat_budget all;
};

void strangers_init(struct strangers *strangers, uint64_t seed);
void strangers_deinit(struct strangers *strangers);

/* May this one be answered now? It is counted. */
bool strangers_may(struct strangers *strangers, const char *jid, uint64_t now_ms);

/* `code` is this one's from now on, in place of one before; strangers_may has said yes. */
void strangers_set_code(struct strangers *strangers, const char *jid,
                        const struct link_code *code, uint64_t now_ms);

/* Opens an answer to this one's code, which is spent then; false: there is no code that is good, or
 * it does not open. */
struct stranger_answer {
    const char *jid, *text;
};
bool strangers_open(struct strangers *strangers, const struct stranger_answer *answer,
                    uint64_t now_ms, char out_token[limit_digest_size]);
