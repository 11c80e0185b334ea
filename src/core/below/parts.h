/* Between the pieces of the downlink only: downlink.c (sessions, capacity), downlink_instruct.c. */
#pragma once

#include "core/below/downlink.h"

/* Puts the peer's timer to when it wants a step: at once where something may go now. */
void peer_arm(struct peer *peer);
bool peer_has_room(const struct peer *peer);

/* Whose turn it is at the peer, NULL: nobody's. */
struct book_op *peer_next(const struct peer *peer, uint64_t now_ms);

/* The VM's active definition, or what it grows by, takes room there that no capacity of the peer
 * counts yet. */
void peer_reserve(struct downlink *downlink, struct peer *peer, const struct book_vm *vm);

/* What waits goes out, as far as there is room and it is its turn. */
void peer_resume(struct peer *peer, struct book *book, const struct event *event,
                 struct effects *out);
