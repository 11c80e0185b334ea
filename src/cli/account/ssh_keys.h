/* The SSH public keys that a tenant keeps, and those that a VM is to be made with. */
#pragma once

#include "cli/options.h"

int ssh_key_add(const struct options *options);
int ssh_key_list(const struct options *options);
int ssh_key_remove(const struct options *options);

/* What --ssh-key says: names of kept keys, or a file whose keys are appended. False: the file
 * cannot be read, or has none; said. */
bool ssh_keys_given(const struct options *options, const char **out_names, struct text *out_lines);
