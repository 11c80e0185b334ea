/* A stream in this terminal, or between this process's pipes. */
#pragma once

#include "cli/options.h"

/* Passes standard input to the stream, and what comes to standard output, until the stream ends.
 * `console`: a person types, of whose VM this is the console: raw, and ^] leaves. NULL: bytes pass
 * as they are. An exit code. */
int talk(const struct options *options, const struct stream_ticket *ticket, const char *console);
