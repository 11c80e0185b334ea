/* Streams at the host's VMs: opened by workers of their own, so that a domain that does not answer
 * keeps no job waiting, and handed to who has the network. */
#pragma once

#include "base/error.h"
#include "core/effect.h"
#include "io/os/pool.h"

struct host;

/* Opens one (STREAM_OPEN), beside all jobs; EVENT_STREAM follows. */
void guest_stream_open(struct host *host, const struct effect_stream *order);

/* For host.opens, of consoles, or host.dials, of all else; NULL with `err`. */
struct pool *guest_stream_pool(struct host *host, bool is_of_consoles, struct error *err);
void guest_stream_drop(struct work *work);
