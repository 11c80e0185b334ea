/* When a socket is cut: at the time that was set for its end, or when its owner has not been seen
 * for too long. */
#include "io/carrier/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/carrier/thread.h"

int carrier_guard_init(struct carrier_guard *guard, struct error *err) {
    *guard = (struct carrier_guard){.socket = -1};
    guard->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (guard->wake_fd < 0)
        return error_set(err, -errno, "make an eventfd for a connection: %s", strerror(errno));
    return 0;
}

void carrier_guard_deinit(struct carrier_guard *guard) { close(guard->wake_fd); }

static uint64_t due_ms(struct carrier_guard *guard) {
    uint64_t unseen = guard->seen_ms + guard->patience_ms, set = guard->due_ms;
    return set && set < unseen ? set : unseen;
}

static void *watch(void *argument) {
    struct carrier_guard *guard = argument;
    struct pollfd wake = {.fd = guard->wake_fd, .events = POLLIN};
    while (!guard->is_over) {
        uint64_t now = carrier_now_ms(), due = due_ms(guard);
        if (now >= due) {
            guard->has_cut = true;
            shutdown(guard->socket, SHUT_RDWR);
            return NULL;
        }
        eventfd_t ignored;
        if (poll(&wake, 1, (int)(due - now)) > 0)
            eventfd_read(guard->wake_fd, &ignored);
    }
    return NULL;
}

int carrier_guard_begin(struct carrier_guard *guard, int fd, uint64_t patience_ms,
                        struct error *err) {
    guard->socket = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (guard->socket < 0)
        return error_set(err, -errno, "guard a connection: %s", strerror(errno));
    guard->patience_ms = patience_ms;
    guard->is_over = guard->has_cut = false;
    carrier_guard_see(guard);
    if (carrier_thread_start(&guard->thread, watch, guard, err) == 0)
        return 0;
    close(guard->socket);
    guard->socket = -1;
    return err->code;
}

void carrier_guard_see(struct carrier_guard *guard) { guard->seen_ms = carrier_now_ms(); }

void carrier_guard_hurry(struct carrier_guard *guard, uint64_t left_ms) {
    guard->due_ms = carrier_now_ms() + left_ms;
    eventfd_write(guard->wake_fd, 1);
}

bool carrier_guard_end(struct carrier_guard *guard) {
    bool was_begun = guard->socket >= 0;
    guard->is_over = true;
    if (was_begun) {
        eventfd_write(guard->wake_fd, 1);
        pthread_join(guard->thread, NULL);
        close(guard->socket);
    }
    guard->socket = -1;
    guard->due_ms = 0;
    return was_begun && guard->has_cut;
}
