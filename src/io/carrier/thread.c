/* How a thread begins: without signals. */
#include "io/carrier/thread.h"

#include <signal.h>
#include <string.h>

int carrier_thread_start(pthread_t *thread, void *(*run)(void *), void *argument,
                         struct error *err) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(thread, NULL, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? error_set(err, -failed, "start a thread for a link: %s", strerror(failed)) : 0;
}
