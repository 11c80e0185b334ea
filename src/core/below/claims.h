/* What a place claims to have, and how much of that is believed. */
#pragma once

#include "message/model.h"

struct peer;

/* What the peer told last, with its counts by the shapes' names; to be cleared. */
struct capacity peer_capacity(const struct peer *peer);

/* What it told, now or before the start, is kept as far as it is believed. */
void peer_load_capacity(struct peer *peer, const struct capacity *capacity);

/* Whoever runs the manager hears that the peer claims more than is believed of it. */
void peer_note_claim(struct peer *peer, const struct capacity *capacity);
