/* The authorities that a short join token names by their digests. */
#pragma once

#include "io/keys/join_token.h"

/* Has them from the manager, where it serves images, and puts them in place of their digests.
 * Nothing is told to whoever answers there: no secret, no name. Negative with `err`: nobody
 * answered, or with something else than what the token names. */
int daemon_authorities_fetch(struct join_offer *offer, struct error *err);
