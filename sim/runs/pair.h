/* Law 1 as non-interference: the same seed with several topologies of equal shown aggregate, where
 * hosts do the same to each VM. All that goes up must be the same bytes at the same times. */
#pragma once

#include "sim/world/settings.h"
#include "sim/world/stats.h"

/* Ends the process where the law is broken. Adds to *stats. */
void run_pair(const struct sim_settings *settings, struct stats *stats);
