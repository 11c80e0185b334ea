/* The verbs on access tokens, by which tenants and operators are known; each returns an exit
 * code. */
#pragma once

#include "cli/options.h"

int access_token_create(const struct options *options);
int access_token_list(const struct options *options);
int access_token_revoke(const struct options *options);
