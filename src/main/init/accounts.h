/* The accounts that a manager and its peers need at their application server. */
#pragma once

#include "main/daemon/invite.h"
#include "main/init/setup.h"

/* Makes each by --register, or prints the commands that do. */
int accounts_make(const struct setup *setup, const struct inviting *inviting, struct error *err);
