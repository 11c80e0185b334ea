/* Many seeds, each in a process of its own: a broken law, an assertion or a crash is told with
 * the seed, the last lines of its trace and the command that replays it. */
#pragma once

#include "sim/world/settings.h"
#include "sim/world/stats.h"

struct many {
    struct sim_settings settings; /* of the first seed */
    uint64_t seeds;
    uint32_t seconds; /* stop beginning new ones after so many; 0: all seeds */
    uint32_t jobs;    /* at the same time */
    const char *mode; /* the words that choose `run`, for the replay: "" or "--pair " */
    const char *commit; /* what this was built from */
    uint32_t once;    /* do not run each seed twice to compare */
    void (*run)(const struct many *many, const struct sim_settings *settings,
                struct stats *stats);
};

/* Exit status. *out_stats holds what the runs consisted of. */
int many_run(const struct many *many, struct stats *out_stats);

/* Shrinks a failing run as far as it can: fewer operations, nodes and kinds of faults. */
int many_minimize(const struct many *many);
