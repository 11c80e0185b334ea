/* Loads a daemon's configuration, and checks what no single value shows: pairs, repeats, addresses.
 * Everything else of it is in daemons.h; as with config_load(), the struct is the caller's, zeroed,
 * and after an error it is zeroed again. */
#pragma once

#include "io/config/daemons.h"

int upstream_config_load(const char *path, struct upstream_config *config, struct error *err);
int downstream_config_load(const char *path, struct downstream_config *config, struct error *err);
int agent_config_load(const char *path, struct agent_config *config, struct error *err);

void upstream_config_deinit(struct upstream_config *config);
void downstream_config_deinit(struct downstream_config *config);
void agent_config_deinit(struct agent_config *config);
