/* What a join token says of the way to us: the configuration has it, and the answer prints it. */
#pragma once

#include "message/enrol.h"

/* How a peer that joins reaches us; goes into its token. */
struct rest_invitation {
    const char *peer;
    struct join_link link;
};
