/* How a question goes to the thread and back. The thread ends with the process alone: nobody could
 * wait for one that hangs. */
#include "main/warden/look.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/memory.h"

enum { stack_bytes = 128 * 1024 };

struct looker {
    int fd;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t asked;
    enum { LOOKER_IDLE, LOOKER_ASKED, LOOKER_ANSWERED } state;
    struct look look;
};

static void *run(void *context) {
    struct looker *looker = context;
    for (;;) {
        pthread_mutex_lock(&looker->lock);
        while (looker->state != LOOKER_ASKED)
            pthread_cond_wait(&looker->asked, &looker->lock);
        struct look look = looker->look;
        pthread_mutex_unlock(&looker->lock);
        if (!process_find(look.pid_file, look.guest, &look.found))
            look.found.fd = -1;
        pthread_mutex_lock(&looker->lock);
        looker->look = look;
        looker->state = LOOKER_ANSWERED;
        pthread_mutex_unlock(&looker->lock);
        (void)eventfd_write(looker->fd, 1);
    }
    return NULL;
}

struct looker *looker_new(struct error *err) {
    struct looker *looker = memory_new(1, sizeof(*looker));
    looker->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&looker->lock, NULL);
    pthread_cond_init(&looker->asked, NULL);
    pthread_attr_t small; /* its memory is locked, too */
    pthread_t thread;
    int failure = looker->fd < 0 ? errno : pthread_attr_init(&small);
    if (!failure)
        failure = pthread_attr_setstacksize(&small, stack_bytes);
    if (!failure)
        failure = pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
    if (!failure)
        failure = pthread_create(&thread, &small, run, looker);
    if (!failure)
        return looker;
    error_set(err, -failure, "start the thread that looks for processes: %s", strerror(failure));
    memory_free(looker);
    return NULL;
}

int looker_fd(const struct looker *looker) { return looker->fd; }

bool looker_ask(struct looker *looker, const struct look *question) {
    pthread_mutex_lock(&looker->lock);
    bool is_idle = looker->state == LOOKER_IDLE;
    if (is_idle) {
        looker->look = *question;
        looker->state = LOOKER_ASKED;
        pthread_cond_signal(&looker->asked);
    }
    pthread_mutex_unlock(&looker->lock);
    return is_idle;
}

bool looker_answer(struct looker *looker, struct look *out) {
    eventfd_t times;
    (void)eventfd_read(looker->fd, &times);
    pthread_mutex_lock(&looker->lock);
    bool is_there = looker->state == LOOKER_ANSWERED;
    if (is_there) {
        *out = looker->look;
        looker->state = LOOKER_IDLE;
    }
    pthread_mutex_unlock(&looker->lock);
    return is_there;
}
