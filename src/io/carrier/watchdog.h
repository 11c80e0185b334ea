/* The watchdog: cuts a socket whose owner is stuck in it, because libstrophe's TLS handshake waits
 * without limit inside one call. Its thread lives only while it is armed.
 *
 * It keeps a duplicate of the socket's descriptor, so that it never cuts a stranger that got the
 * same number. Name resolution has no socket yet: it ends by the resolver's own limits, and the
 * socket that comes after the time is refused. */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"

struct xmpp_watchdog {
    pthread_mutex_t lock;
    pthread_t thread;
    int socket;    /* our duplicate, or -1 */
    int cancel_fd; /* eventfd: disarmed */
    int time_ms;
    bool is_armed;
    bool has_cut;
};

int xmpp_watchdog_init(struct xmpp_watchdog *watchdog, struct error *err);
void xmpp_watchdog_deinit(struct xmpp_watchdog *watchdog); /* disarmed by then */

/* From now on there are `time_ms` until xmpp_watchdog_disarm, which says whether it has cut. */
void xmpp_watchdog_arm(struct xmpp_watchdog *watchdog, int time_ms);
bool xmpp_watchdog_disarm(struct xmpp_watchdog *watchdog);

/* Follows the socket `fd` instead of the one before. False if the time is over. */
bool xmpp_watchdog_follow(struct xmpp_watchdog *watchdog, int fd);

/* Closes the duplicate: the connection has ended. */
void xmpp_watchdog_forget(struct xmpp_watchdog *watchdog);

/* Cuts now, if armed; from any thread. */
void xmpp_watchdog_cut(struct xmpp_watchdog *watchdog);
