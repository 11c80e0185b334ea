/* A manager's term by its store alone, before anything is connected: whether it may serve, and how
 * a person raises it (core/link/incarnation.h). */
#pragma once

#include "main/daemon/daemon.h"

/* Negative with `err`: the store cannot be read, or the manager is deposed (-ESTALE). */
int daemon_check_term(struct store *store, struct error *err);

/* --raise-term: the exit code; what is left to do has been said. */
int daemon_raise_term(const struct daemon_options *options, const struct daemon_config *config,
                      const char *daemon);
