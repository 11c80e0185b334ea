/* Whether KVM works on this machine, not only whether its device is there. */
#pragma once

#include "base/error.h"

/* Makes a machine of one page and has it run until its first instruction, which halts it. 0, or
 * negative with `err`. */
int kvm_try(struct error *err);
