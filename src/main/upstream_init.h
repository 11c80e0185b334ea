/* `isthmus-upstream init`: a cloud with nothing before but an application server. */
#pragma once

#include "main/daemon/daemon.h"

/* Makes configuration, keys, the operator's token, a certificate, store and a join token for each
 * cluster, and says what is to be done next. The exit code. */
int upstream_init_cloud(const struct daemon_options *options);
