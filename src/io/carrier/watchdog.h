/* The watchdog: cuts a socket whose owner is stuck in it, because a library (libstrophe, in a TLS
 * handshake) may wait without limit inside one call. Its thread lives only while it is armed.
 *
 * It keeps a duplicate of the socket's descriptor, so that it never cuts a stranger that got the
 * same number. Name resolution has no socket yet: it ends by the resolver's own limits, and the
 * socket that comes after the time is refused. */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"

struct carrier_watchdog {
    pthread_mutex_t lock;
    pthread_t thread;
    int socket;    /* our duplicate, or -1 */
    int cancel_fd; /* eventfd: disarmed */
    int time_ms;
    bool is_armed;
    bool has_cut;
};

int carrier_watchdog_init(struct carrier_watchdog *watchdog, struct error *err);
void carrier_watchdog_deinit(struct carrier_watchdog *watchdog); /* disarmed by then */

/* From now on there are `time_ms` until carrier_watchdog_disarm, which says whether it has cut. */
void carrier_watchdog_arm(struct carrier_watchdog *watchdog, int time_ms);
bool carrier_watchdog_disarm(struct carrier_watchdog *watchdog);

/* Follows the socket `fd` instead of the one before. False if the time is over. */
bool carrier_watchdog_follow(struct carrier_watchdog *watchdog, int fd);

/* Closes the duplicate: the connection has ended. */
void carrier_watchdog_forget(struct carrier_watchdog *watchdog);

/* Cuts now, if armed; from any thread. */
void carrier_watchdog_cut(struct carrier_watchdog *watchdog);
