/* A program that is run and waited for. */
#pragma once

#include "base/error.h"
#include "base/text.h"

/* Runs it by its argument array, without a shell. What it says is added to `out` (NULL: dropped),
 * what it says of errors ends up in `err`. */
int host_tool_run(const char *const arguments[], struct text *out, struct error *err);
