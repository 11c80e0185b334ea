/* What an owner decides of one host: its duty, its labels, how much of it is lent. */
#pragma once

#include "message/owner.h"

struct peer;

/* Is what is there to go elsewhere? */
bool peer_is_emptied(const struct peer *peer);

/* Sets labels in place of the configured ones; ORIGIN_CONFIGURED: those again. */
void peer_set_labels(struct peer *peer, enum origin from, const char *labels);
const char *peer_labels(const struct peer *peer); /* NULL: none */

/* How much of itself the peer is to lend. 0 of the peer's own: as all; it is told if it is up. */
struct overcommit peer_overcommit(const struct peer *peer);
