/* `init --with-prosody`: this machine's own Prosody becomes the application server. */
#pragma once

#include "main/init/setup.h"

/* Before anything else of a setup: a certificate for the domain by an authority of our own, the
 * server's configuration with the domain in it, and from then on that authority and the server's
 * own command for accounts as if they had been given. -EEXIST: the server has the domain already.
 * `options` are the setup's. */
int prosody_make(struct setup *setup, struct daemon_options *options, struct error *err);

/* Has the server take the accounts and its configuration up. */
void prosody_restart(const struct daemon_options *options);
