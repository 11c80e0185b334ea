/* Lists that go on, and events: what the server tells as it happens. Both end when they are
 * interrupted; while the server is away they wait for it. */
#pragma once

#include "cli/call.h"

/* The list, and what becomes of it: on a terminal drawn anew, otherwise a line for each change. */
int watch_list(const struct view *view, const struct options *options);

static inline int watch_or_list(const struct view *view, const struct options *options) {
    return options->watch ? watch_list(view, options) : view_list(view, options);
}

int watch_events(const struct options *options);
