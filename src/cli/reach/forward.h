/* Ports of a VM's guest: by a port of this machine, by this process's pipes, or by ssh. */
#pragma once

#include "cli/options.h"

int vm_forward(const struct options *options);
int vm_ssh(const struct options *options);
