/* A daemon's streams: its listener as configured, and how the shell hears of them. */
#pragma once

#include "core/settings.h"
#include "io/config/load.h"
#include "io/stream/streams.h"

struct log;
struct shell;

/* What the role is told of the listener. 0, or negative with `err`. */
int daemon_streams_settings(const struct streams_config *config, struct role_settings *settings,
                            struct error *err);

/* Begins to listen, where that is configured; *out_streams is NULL otherwise. `config` NULL: to
 * dial alone. */
int daemon_streams_start(const struct streams_config *config, struct shell *shell,
                         struct streams **out_streams, struct error *err);
