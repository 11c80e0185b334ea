/* Law 2 as a measurement: what one cluster costs its upstream, with few agents and very many. */
#pragma once

#include "sim/world/settings.h"

/* Exit status. */
int run_one_node(const struct sim_settings *settings);
