/* The verbs on how upstream managers stand beside each other; each returns an exit code. */
#pragma once

#include "cli/options.h"

int limit_weigh(const struct options *options);
int limit_keep(const struct options *options);
int limit_round(const struct options *options);
int limit_reset(const struct options *options);
