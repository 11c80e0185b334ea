/* One thread per armed watchdog waits for its time or for the disarming, whichever comes first,
 * and shuts the socket down. Where no thread can be had, the socket is refused at once. */
#include "io/carrier/watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

int carrier_watchdog_init(struct carrier_watchdog *watchdog, struct error *err) {
    *watchdog = (struct carrier_watchdog){.lock = PTHREAD_MUTEX_INITIALIZER, .socket = -1};
    watchdog->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (watchdog->cancel_fd < 0)
        return error_set(err, -errno, "make an eventfd for a connection: %s",
                         strerror(errno));
    return 0;
}

void carrier_watchdog_deinit(struct carrier_watchdog *watchdog) {
    close(watchdog->cancel_fd);
    pthread_mutex_destroy(&watchdog->lock);
}

void carrier_watchdog_cut(struct carrier_watchdog *watchdog) {
    pthread_mutex_lock(&watchdog->lock);
    if (watchdog->is_armed) {
        watchdog->has_cut = true;
        if (watchdog->socket >= 0)
            shutdown(watchdog->socket, SHUT_RDWR);
    }
    pthread_mutex_unlock(&watchdog->lock);
}

static void *watch(void *argument) {
    struct carrier_watchdog *watchdog = argument;
    struct pollfd cancel = {.fd = watchdog->cancel_fd, .events = POLLIN};
    if (poll(&cancel, 1, watchdog->time_ms) == 0)
        carrier_watchdog_cut(watchdog);
    return NULL;
}

void carrier_watchdog_arm(struct carrier_watchdog *watchdog, int time_ms) {
    watchdog->time_ms = time_ms;
    pthread_mutex_lock(&watchdog->lock);
    watchdog->is_armed = pthread_create(&watchdog->thread, NULL, watch, watchdog) == 0;
    /* Without a thread to be had nothing would end a stuck handshake: its socket is refused. */
    watchdog->has_cut = !watchdog->is_armed;
    pthread_mutex_unlock(&watchdog->lock);
}

bool carrier_watchdog_disarm(struct carrier_watchdog *watchdog) {
    pthread_mutex_lock(&watchdog->lock);
    bool was_armed = watchdog->is_armed, has_cut = was_armed && watchdog->has_cut;
    watchdog->is_armed = false;
    pthread_mutex_unlock(&watchdog->lock);
    if (!was_armed)
        return false;
    eventfd_write(watchdog->cancel_fd, 1);
    pthread_join(watchdog->thread, NULL);
    eventfd_t ignored;
    eventfd_read(watchdog->cancel_fd, &ignored);
    return has_cut;
}

void carrier_watchdog_forget(struct carrier_watchdog *watchdog) {
    pthread_mutex_lock(&watchdog->lock);
    if (watchdog->socket >= 0)
        close(watchdog->socket);
    watchdog->socket = -1;
    pthread_mutex_unlock(&watchdog->lock);
}

bool carrier_watchdog_follow(struct carrier_watchdog *watchdog, int fd) {
    carrier_watchdog_forget(watchdog);
    pthread_mutex_lock(&watchdog->lock);
    watchdog->socket = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    bool in_time = watchdog->socket >= 0 && !watchdog->has_cut;
    pthread_mutex_unlock(&watchdog->lock);
    return in_time;
}
