/* What waits to be sent: filled by any thread, emptied by whoever serves the line.
 *
 * Bounded in bytes and in frames, and closed while there is no connection: what is refused is
 * dropped by the caller. wake_fd (an eventfd) is readable when there is something to look at. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/text.h"

enum {
    carrier_outbox_bytes = 4 << 20,
    carrier_outbox_much = 64 << 10,
    carrier_outbox_frames = 4096,
};

struct carrier_outbox {
    pthread_mutex_t lock;
    struct text waiting; /* as the kind writes it, end to end */
    size_t count;
    bool open;
    int wake_fd;
};

int carrier_outbox_init(struct carrier_outbox *outbox, struct error *err);
void carrier_outbox_deinit(struct carrier_outbox *outbox);

void carrier_outbox_open(struct carrier_outbox *outbox);
void carrier_outbox_close(struct carrier_outbox *outbox); /* drops what waits */

/* False if it is closed or full. Wakes nobody, unless much waits: when all that goes together was
 * added, it is taken, or carrier_outbox_wake called. */
bool carrier_outbox_add(struct carrier_outbox *outbox, const struct text *frame);

bool carrier_outbox_is_empty(struct carrier_outbox *outbox);

/* All that waits, into an empty `out`. */
void carrier_outbox_take(struct carrier_outbox *outbox, struct text *out);

/* Makes wake_fd readable, and unreadable again. */
void carrier_outbox_wake(struct carrier_outbox *outbox);
void carrier_outbox_woken(struct carrier_outbox *outbox);

/* Waits until it is readable. */
void carrier_outbox_await(struct carrier_outbox *outbox);
