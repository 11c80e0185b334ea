/* The upstream managers of a cluster, as its owner sees them. */
#pragma once

#include "cli/call.h"

extern const struct view upstreams; /* of struct lending */

/* Verbs; each returns an exit code. */
int upstream_list(const struct options *options);
int upstream_show(const struct options *options);
int upstream_revoke(const struct options *options);
int upstream_restore(const struct options *options);
int permission_set(const struct options *options);
int permission_reset(const struct options *options);
int limit_list(const struct options *options);
int limit_set(const struct options *options);

/* Streams to VMs of the cluster that are open. */
int stream_list(const struct options *options);
int stream_cut(const struct options *options);

/* The owner's view of VMs. */
int hosted_vm_list(const struct options *options);
int hosted_vm_show(const struct options *options);
