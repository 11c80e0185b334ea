/* The operators' provisioning rules. */
#pragma once

#include "cli/options.h"

int rule_list(const struct options *options);
int rule_show(const struct options *options);
int rule_add(const struct options *options);
int rule_set(const struct options *options);
int rule_move(const struct options *options);
int rule_delete(const struct options *options);
