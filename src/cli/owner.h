/* The upstream managers of a cluster, as its owner sees them. */
#pragma once

#include "cli/call.h"

extern const struct view upstreams; /* of struct lending */
