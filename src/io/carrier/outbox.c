/* What is added is refused while the connection is closed or where a bound is reached; a close
 * forgets what waits. Whoever serves the connection takes all of it at once, and is woken where
 * that is much. */
#include "io/carrier/outbox.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int carrier_outbox_init(struct carrier_outbox *outbox, struct error *err) {
    *outbox = (struct carrier_outbox){.lock = PTHREAD_MUTEX_INITIALIZER,
                                   .waiting.limit = carrier_outbox_bytes};
    outbox->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (outbox->wake_fd < 0)
        return error_set(err, -errno, "make an eventfd for a connection: %s",
                         strerror(errno));
    return 0;
}

void carrier_outbox_deinit(struct carrier_outbox *outbox) {
    close(outbox->wake_fd);
    text_deinit(&outbox->waiting);
    pthread_mutex_destroy(&outbox->lock);
}

void carrier_outbox_open(struct carrier_outbox *outbox) {
    pthread_mutex_lock(&outbox->lock);
    outbox->open = true;
    pthread_mutex_unlock(&outbox->lock);
}

void carrier_outbox_close(struct carrier_outbox *outbox) {
    pthread_mutex_lock(&outbox->lock);
    outbox->open = false;
    text_clear(&outbox->waiting);
    outbox->count = 0;
    pthread_mutex_unlock(&outbox->lock);
}

bool carrier_outbox_add(struct carrier_outbox *outbox, const struct text *frame) {
    pthread_mutex_lock(&outbox->lock);
    bool fits = outbox->open && outbox->count < carrier_outbox_frames &&
                outbox->waiting.length + frame->length < carrier_outbox_bytes;
    if (fits) {
        text_add_bytes(&outbox->waiting, text_data(frame), frame->length);
        outbox->count++;
    }
    bool is_much = outbox->waiting.length > carrier_outbox_much;
    pthread_mutex_unlock(&outbox->lock);
    if (is_much)
        carrier_outbox_wake(outbox);
    return fits;
}

bool carrier_outbox_is_empty(struct carrier_outbox *outbox) {
    pthread_mutex_lock(&outbox->lock);
    bool is_empty = outbox->count == 0;
    pthread_mutex_unlock(&outbox->lock);
    return is_empty;
}

void carrier_outbox_take(struct carrier_outbox *outbox, struct text *out) {
    pthread_mutex_lock(&outbox->lock);
    struct text empty = *out;
    *out = outbox->waiting;
    outbox->waiting = empty;
    outbox->waiting.limit = carrier_outbox_bytes;
    outbox->count = 0;
    pthread_mutex_unlock(&outbox->lock);
}

void carrier_outbox_wake(struct carrier_outbox *outbox) {
    eventfd_write(outbox->wake_fd, 1);
}

void carrier_outbox_woken(struct carrier_outbox *outbox) {
    eventfd_t ignored;
    eventfd_read(outbox->wake_fd, &ignored);
}

void carrier_outbox_await(struct carrier_outbox *outbox) {
    struct pollfd wake = {.fd = outbox->wake_fd, .events = POLLIN};
    if (poll(&wake, 1, -1) == 1)
        carrier_outbox_woken(outbox);
}
