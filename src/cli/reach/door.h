/* A place on this machine where programs connect, each to a stream of its own. */
#pragma once

#include "cli/reach/ticket.h"

struct door {
    const struct ticket_for *to;
    int listener;
    int stop; /* no more is served once this can be read; -1: it goes on until the process ends */
};

/* On 127.0.0.1, for every program of this machine; *port 0: a free one, which it becomes. -1: it
 * was said why not. */
int door_listen(uint16_t *port);

/* Prints where it is, and serves. Who is refused ends, others go on. An exit code. */
int door_serve(const struct options *options, const struct door *door, const char *where);
