/* What `init` of either manager does before and after the configuration, which each writes by
 * itself. */
#pragma once

#include "main/init/setup.h"
#include "main/init/tokens.h"

/* Whether there is anything to be made: it says so where a configuration stands already and stays
 * as it is. Checks what was asked, makes the folder, and with --with-prosody the server. False: the
 * program ends by `out_exit`. `options` are the setup's. */
bool managers_begin(struct setup *setup, struct daemon_options *options, int *out_exit);

/* Tokens for the peers, accounts for all, and each file in its place. */
int managers_end(const struct setup *setup, const struct inviting *inviting,
                const struct tokens *tokens, struct error *err);
