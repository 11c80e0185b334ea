/* A moment is set for the length of a step alone: outside of it nobody can ask for the time or
 * say anything. */
#include "core/moment.h"

#include <assert.h>

void moment_begin(struct moment *moment, const struct event *event, struct effects *out) {
    assert(!moment->out);
    *moment = (struct moment){event->now_ms, event->wall_ms, out};
}

void moment_end(struct moment *moment) { *moment = (struct moment){0}; }
