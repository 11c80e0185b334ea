/* The moment of a step: what time it is, and the effects that the step appends to. A role holds it;
 * its books and links point to it, so that whoever speaks needs no more than what it speaks for.
 * Between steps there is no time and nothing can be said: `out` is NULL.
 *
 * Only what takes its role, link or books without const may speak; a question takes const. */
#pragma once

#include "core/effect.h"
#include "core/event.h"

struct moment {
    uint64_t now_ms;     /* monotonic: for waiting */
    uint64_t wall_ms;    /* for people, and for deadlines across a restart */
    struct effects *out; /* the caller's; NULL between steps */
};

void moment_begin(struct moment *moment, const struct event *event, struct effects *out);
void moment_end(struct moment *moment);
