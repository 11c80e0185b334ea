/* Who knows how the daemon is; the REST face only tells it. */
#pragma once

#include "message/health.h"

struct rest_health {
    void (*read)(void *daemon, struct health *out); /* a record of health_table, from any thread;
                                                     * NULL: there is nothing to say */
    void *daemon;
};
