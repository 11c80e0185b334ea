/* The guard: cuts a socket whose owner does not come back out of a library, because that may wait
 * without limit inside one call (librabbitmq, for the rest of a message). Its thread lives as long
 * as the connection, and sleeps for most of that.
 *
 * It keeps a duplicate of the socket's descriptor, so that it never cuts a stranger that got the
 * same number. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct carrier_guard {
    pthread_t thread;
    int socket, wake_fd;
    uint64_t patience_ms;
    atomic_uint_fast64_t seen_ms, due_ms; /* due_ms: when it is cut in any case; 0: never */
    atomic_bool is_over;
    bool has_cut;
};

int carrier_guard_init(struct carrier_guard *guard, struct error *err);
void carrier_guard_deinit(struct carrier_guard *guard);

/* From now on the owner of `fd` is to be seen, by carrier_guard_see, each `patience_ms`. */
int carrier_guard_begin(struct carrier_guard *guard, int fd, uint64_t patience_ms,
                        struct error *err);
void carrier_guard_see(struct carrier_guard *guard);

/* There are so many milliseconds left, whoever is seen; from any thread, at any time. */
void carrier_guard_hurry(struct carrier_guard *guard, uint64_t left_ms);

/* Ends what carrier_guard_begin began; has it cut? */
bool carrier_guard_end(struct carrier_guard *guard);
