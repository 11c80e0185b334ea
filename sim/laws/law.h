/* What all laws share: a law that is broken says what was seen, and ends the process with status 1.
 * The seed replays it. */
#pragma once

#include "sim/world/fact.h"

enum { law_slack_ms = 2000 }; /* that what is due by itself may be late */

void law_fail(struct sim_world *world, const char *law, const char *format, ...)
    format_checked(3, 4) __attribute__((noreturn));
