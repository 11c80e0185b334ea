/* What is added is refused while the connection is closed or where a bound is reached; a close
 * forgets what waits. Whoever serves the connection takes all of it at once, and is woken where
 * that is much. */
#include "io/carrier/outbox.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int xmpp_outbox_init(struct xmpp_outbox *outbox, struct error *err) {
    *outbox = (struct xmpp_outbox){.lock = PTHREAD_MUTEX_INITIALIZER,
                                   .stanzas.limit = xmpp_outbox_bytes};
    outbox->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (outbox->wake_fd < 0)
        return error_set(err, -errno, "make an eventfd for an XMPP connection: %s",
                         strerror(errno));
    return 0;
}

void xmpp_outbox_deinit(struct xmpp_outbox *outbox) {
    close(outbox->wake_fd);
    text_deinit(&outbox->stanzas);
    pthread_mutex_destroy(&outbox->lock);
}

void xmpp_outbox_open(struct xmpp_outbox *outbox) {
    pthread_mutex_lock(&outbox->lock);
    outbox->open = true;
    pthread_mutex_unlock(&outbox->lock);
}

void xmpp_outbox_close(struct xmpp_outbox *outbox) {
    pthread_mutex_lock(&outbox->lock);
    outbox->open = false;
    text_clear(&outbox->stanzas);
    outbox->count = 0;
    pthread_mutex_unlock(&outbox->lock);
}

bool xmpp_outbox_add(struct xmpp_outbox *outbox, const struct text *stanza) {
    pthread_mutex_lock(&outbox->lock);
    bool fits = outbox->open && outbox->count < xmpp_outbox_stanzas &&
                outbox->stanzas.length + stanza->length < xmpp_outbox_bytes;
    if (fits) {
        text_add_bytes(&outbox->stanzas, text_data(stanza), stanza->length);
        outbox->count++;
    }
    bool is_much = outbox->stanzas.length > xmpp_outbox_much;
    pthread_mutex_unlock(&outbox->lock);
    if (is_much)
        xmpp_outbox_wake(outbox);
    return fits;
}

bool xmpp_outbox_is_empty(struct xmpp_outbox *outbox) {
    pthread_mutex_lock(&outbox->lock);
    bool is_empty = outbox->count == 0;
    pthread_mutex_unlock(&outbox->lock);
    return is_empty;
}

void xmpp_outbox_take(struct xmpp_outbox *outbox, struct text *out) {
    pthread_mutex_lock(&outbox->lock);
    struct text empty = *out;
    *out = outbox->stanzas;
    outbox->stanzas = empty;
    outbox->stanzas.limit = xmpp_outbox_bytes;
    outbox->count = 0;
    pthread_mutex_unlock(&outbox->lock);
}

void xmpp_outbox_wake(struct xmpp_outbox *outbox) {
    eventfd_write(outbox->wake_fd, 1);
}

void xmpp_outbox_woken(struct xmpp_outbox *outbox) {
    eventfd_t ignored;
    eventfd_read(outbox->wake_fd, &ignored);
}
