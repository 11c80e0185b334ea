/* A stream to a VM, asked for by REST and joined by the ticket that comes of it. */
#pragma once

#include "cli/options.h"
#include "io/stream/streams.h"

/* To the VM's console, or to a port of its guest where that is not 0. An exit code. */
int ticket_ask(const struct options *options, const char *vm, uint32_t port,
               struct stream_ticket *out);

/* By which it is joined, but for number and socket. It borrows the token. */
struct stream_dial ticket_dial(const struct options *options, const struct stream_ticket *ticket);
