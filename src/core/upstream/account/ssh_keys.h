/* SSH public keys: those that a tenant keeps by names of its own, and what of them a new guest
 * gets. */
#pragma once

#include <stdbool.h>

struct call;

void upstream_add_ssh_key(const struct call *call);
void upstream_list_ssh_keys(const struct call *call);
void upstream_remove_ssh_key(const struct call *call);

/* The kept keys of these names, and these lines: what a definition is to have, valid until the next
 * such call; NULL: none were given. `names` and `lines` may be NULL. False: refused; answered. */
bool upstream_admit_ssh_keys(const struct call *call, const char *names, const char *lines,
                             char **out_keys);
