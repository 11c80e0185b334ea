/* Whose turn it is at a peer that several askers share, and when the peer is looked at again. */
#pragma once

#include "core/books/book.h"

struct downlink;
struct askers;
struct peer;

/* Several askers share the peers; before anything is under way. */
void downlink_share(struct downlink *downlink, const struct askers *askers);

/* An asker's weight is another from now on. */
void downlink_weigh(struct downlink *downlink, size_t asker, uint32_t weight);

/* An operation there has ended without an answer: another may go. */
void downlink_freed(struct peer *peer);

/* Puts the peer's timer to when it wants a step: at once where something may go now. */
void peer_arm(struct peer *peer);

/* Whose turn it is at the peer, NULL: nobody's. */
struct book_op *peer_next(const struct peer *peer);
