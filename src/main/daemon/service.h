/* What root does for a daemon that runs by itself as another account: its files become that
 * account's, and its service starts. Only for the usual place of the configuration, /etc/isthmus:
 * elsewhere nobody but the caller is meant. */
#pragma once

#include "main/daemon/daemon.h"

/* Gives the configuration, the files beside it and the store in `state` to the account of the
 * daemon's program, where root made them and there is such an account. */
int service_own(const struct daemon_options *options, const char *state, struct error *err);

/* Makes this process one of that account's, with its rights alone, where root called it: for a
 * question. */
int service_become(const struct daemon_options *options, struct error *err);

/* Enables and starts the daemon's service, and says so, unless --no-start was given or no systemd
 * runs here. True: it was started. */
bool service_start(const struct daemon_options *options);

/* Restarts another program's service, and has it start at each boot. False: it failed, or no
 * systemd runs here. */
bool service_restart(const char *unit);
