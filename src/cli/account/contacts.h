/* The verbs on contacts, who are told what happens; each returns an exit code. */
#pragma once

#include "cli/options.h"

int contact_add(const struct options *options);
int contact_list(const struct options *options);
int contact_prove(const struct options *options);
int contact_remove(const struct options *options);
