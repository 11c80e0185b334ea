/* The verbs on join tokens and pinned keys; each returns an exit code. */
#pragma once

#include "cli/options.h"

int token_new(const struct options *options);
int token_list(const struct options *options);
int token_revoke(const struct options *options);
int key_revoke(const struct options *options);
