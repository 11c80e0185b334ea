/* The join tokens of a manager's peers, made before the manager has ever run. */
#pragma once

#include "main/daemon/invite.h"
#include "main/init/setup.h"

/* Whose store they go into, and the commands that use them, a line each. */
struct tokens {
    const char *daemon; /* "upstream" */
    const struct daemon_config *config;
    struct text *commands;
};

/* Puts a token for each peer into the store, as the manager's API would. */
int tokens_make(const struct setup *setup, const struct inviting *inviting,
                const struct tokens *tokens, struct error *err);
