/* Very many hosts and VMs: what they cost, and every law at the end. */
#pragma once

#include "sim/world/settings.h"

struct sim_settings scale_settings(void);

/* Exit status. */
int run_scale(const struct sim_settings *settings);
