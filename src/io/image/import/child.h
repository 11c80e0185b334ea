/* A program that works long: run, listened to while it works, and ended by force when it is not to
 * go on. */
#pragma once

#include "base/error.h"
#include "base/text.h"

struct child {
    const char *const *arguments; /* the program and its own; NULL behind the last */
    /* Each line that it says, without its end; NULL: what it says is dropped. */
    void (*on_line)(void *context, const char *line);
    /* Four times a second: not 0, with `err`, ends it. NULL: never. */
    int (*on_tick)(void *context, struct error *err);
    void *context;
};

/* 0; positive: it ended with this code, and what it said of errors is in `err`; negative: it could
 * not be run, was ended by a signal, or what on_tick returned. */
int child_run(const struct child *child, struct error *err);
