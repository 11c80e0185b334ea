/* A VM's console in this terminal. */
#pragma once

#include "cli/options.h"

int vm_console(const struct options *options);
