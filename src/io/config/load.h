/* Loads a daemon's configuration, and checks what no single value shows: pairs, repeats, addresses.
 * Everything else of it is in daemons.h; as with config_load(), the struct is the caller's, zeroed,
 * and after an error it is zeroed again. */
#pragma once

#include "io/config/daemons.h"

int upstream_config_load(const char *path, struct upstream_config *config, struct error *err);
int downstream_config_load(const char *path, struct downstream_config *config, struct error *err);
int agent_config_load(const char *path, struct agent_config *config, struct error *err);
int relay_config_load(const char *path, struct relay_config *config, struct error *err);

void upstream_config_deinit(struct upstream_config *config);
void downstream_config_deinit(struct downstream_config *config);
void agent_config_deinit(struct agent_config *config);
void relay_config_deinit(struct relay_config *config);

/* The place of an account among those of a relay; accounts_count: there is none of this name. */
size_t relay_config_find(const struct relay_config *config, const char *name);
