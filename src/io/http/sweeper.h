/* A thread that does something once a second until it is stopped. */
#pragma once

#include <pthread.h>

#include "base/error.h"

struct sweeper {
    pthread_t thread;
    int stop_fd;
    void (*sweep)(void *context);
    void *context;
};

/* Negative with `err`: there is no thread. */
int sweeper_start(struct sweeper *sweeper, void (*sweep)(void *context), void *context,
                  struct error *err);
void sweeper_stop(struct sweeper *sweeper); /* `sweep` is called no more after the return */
