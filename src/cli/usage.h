/* What a VM has used. */
#pragma once

#include "cli/options.h"

int vm_usage(const struct options *options);
