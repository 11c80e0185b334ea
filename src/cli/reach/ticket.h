/* A stream to a VM, asked for by REST and joined by the ticket that comes of it. */
#pragma once

#include "cli/options.h"
#include "io/stream/streams.h"

/* What a ticket is wanted for. */
struct ticket_for {
    const char *vm;
    enum stream_to to;
    uint32_t port; /* STREAM_TO_PORT */
};

/* An exit code. */
int ticket_ask(const struct options *options, const struct ticket_for *to,
               struct stream_ticket *out);

/* After a stream's end: says so if the VM, options->words[2], does not run any more. */
void ticket_tell_end(const struct options *options);

/* By which it is joined, but for number and socket. It borrows the token. */
struct stream_dial ticket_dial(const struct options *options, const struct stream_ticket *ticket);
