/* A VM's screen, for a VNC viewer of this machine. */
#pragma once

#include "cli/options.h"

int vm_screen(const struct options *options);
