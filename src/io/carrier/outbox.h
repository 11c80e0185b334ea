/* What waits to be sent: filled by any thread, emptied by whoever has the connection's library.
 *
 * Bounded in bytes and in stanzas, and closed while there is no connection: what is refused is
 * dropped by the caller. wake_fd (an eventfd) is readable when there is something to look at. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/text.h"

enum { xmpp_outbox_bytes = 4 << 20, xmpp_outbox_much = 64 << 10, xmpp_outbox_stanzas = 4096 };

struct xmpp_outbox {
    pthread_mutex_t lock;
    struct text stanzas; /* end to end */
    size_t count;
    bool open;
    int wake_fd;
};

int xmpp_outbox_init(struct xmpp_outbox *outbox, struct error *err);
void xmpp_outbox_deinit(struct xmpp_outbox *outbox);

void xmpp_outbox_open(struct xmpp_outbox *outbox);
void xmpp_outbox_close(struct xmpp_outbox *outbox); /* drops what waits */

/* False if it is closed or full. Wakes nobody, unless much waits: when all that goes together was
 * added, it is taken, or xmpp_outbox_wake called. */
bool xmpp_outbox_add(struct xmpp_outbox *outbox, const struct text *stanza);

bool xmpp_outbox_is_empty(struct xmpp_outbox *outbox);

/* All that waits, into an empty `out`. */
void xmpp_outbox_take(struct xmpp_outbox *outbox, struct text *out);

/* Makes wake_fd readable, and unreadable again. */
void xmpp_outbox_wake(struct xmpp_outbox *outbox);
void xmpp_outbox_woken(struct xmpp_outbox *outbox);
