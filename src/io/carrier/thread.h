/* The threads of a carrier, beside the loop, and the time that they go by. */
#pragma once

#include <pthread.h>
#include <stdint.h>

#include "base/error.h"

/* Starts one that has all signals blocked, as have those that it starts itself: they are the main
 * thread's, and a library may write without MSG_NOSIGNAL. 0, or negative with `err`. */
int carrier_thread_start(pthread_t *thread, void *(*run)(void *), void *argument,
                         struct error *err);

/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t carrier_now_ms(void);
