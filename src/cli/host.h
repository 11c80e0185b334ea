/* The verbs on a cluster's hosts, for its owner; each returns an exit code. */
#pragma once

#include "cli/options.h"

int host_list(const struct options *options);
int host_show(const struct options *options);
int host_cordon(const struct options *options);
int host_uncordon(const struct options *options);
int host_forget(const struct options *options);
int host_accept(const struct options *options);
int host_declare_off(const struct options *options);
int host_recover(const struct options *options);
int host_drain(const struct options *options);
int host_maintenance(const struct options *options);
int host_end_maintenance(const struct options *options);
int host_label(const struct options *options);
int host_overcommit(const struct options *options);
