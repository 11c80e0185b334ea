/* How the thread is told to end, also while it waits. */
#include "io/http/sweeper.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { sweep_ms = 1000 };

static void *sweeper_run(void *argument) {
    struct sweeper *sweeper = argument;
    struct pollfd stop = {.fd = sweeper->stop_fd, .events = POLLIN};
    while (poll(&stop, 1, sweep_ms) <= 0)
        sweeper->sweep(sweeper->context);
    return NULL;
}

int sweeper_start(struct sweeper *sweeper, void (*sweep)(void *context), void *context,
                  struct error *err) {
    *sweeper = (struct sweeper){.stop_fd = eventfd(0, EFD_CLOEXEC), .sweep = sweep,
                                .context = context};
    int code = sweeper->stop_fd < 0
                   ? errno
                   : pthread_create(&sweeper->thread, NULL, sweeper_run, sweeper);
    if (!code)
        return 0;
    if (sweeper->stop_fd >= 0)
        close(sweeper->stop_fd);
    return error_set(err, -code, "start a thread: %s", strerror(code));
}

void sweeper_stop(struct sweeper *sweeper) {
    (void)eventfd_write(sweeper->stop_fd, 1);
    pthread_join(sweeper->thread, NULL);
    close(sweeper->stop_fd);
}
