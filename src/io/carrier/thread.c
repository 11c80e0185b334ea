/* How a thread begins: without signals. */
#include "io/carrier/thread.h"

#include <signal.h>
#include <string.h>
#include <time.h>

int carrier_thread_start(pthread_t *thread, void *(*run)(void *), void *argument,
                         struct error *err) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(thread, NULL, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? error_set(err, -failed, "start a thread for a link: %s", strerror(failed)) : 0;
}

uint64_t carrier_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
