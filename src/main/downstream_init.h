/* `isthmus-downstream init`: makes a cluster where there is none. */
#pragma once

#include "main/daemon/daemon.h"

/* The exit code; what was made, and what is left to do, has been said. */
int downstream_init_cluster(const struct daemon_options *options);
