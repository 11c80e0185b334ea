/* The audit: what was asked of a manager, and whether its rows are all there as they were
 * written. */
#pragma once

#include "cli/options.h"

int audit_show(const struct options *options);
int audit_verify(const struct options *options);
