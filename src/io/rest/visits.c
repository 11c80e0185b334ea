/* Which descriptor is looked at for whom, and what ends a visit. All of it is under the face's
 * lock. */
#include "io/rest/visits.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/stream/streams.h"

enum { tick_ms = 1000, events_most = 64 };

struct visit {
    struct list node;
    uint64_t number;           /* for epoll; never 0 */
    char id[secret_token_size];
    int fd;
    struct rest_call *viewer;  /* who joined */
    struct rest_call *typist;  /* a request that types; NULL: none */
    uint32_t wanted;           /* EPOLLIN: for the viewer; EPOLLOUT: for the typist */
    bool is_taken, has_ended;
};

struct visits {
    struct rest *rest;
    struct list all;
    uint64_t last_number;
    int epoll_fd, stop_fd;
    pthread_t thread;
    bool has_thread, is_ending;
};

static void want(struct visits *visits, struct visit *visit, uint32_t more) {
    visit->wanted |= more;
    struct epoll_event event = {.events = visit->wanted | EPOLLONESHOT,
                                .data.u64 = visit->number};
    if (visit->wanted && epoll_ctl(visits->epoll_fd, EPOLL_CTL_MOD, visit->fd, &event) < 0)
        visit->has_ended = true;
}

static void end(struct visit *visit) {
    visit->has_ended = true;
    http_wake(&visit->viewer->http);
    if (visit->typist)
        http_resume(&visit->typist->http);
}

/* An end, or a fault, is found by whoever reads or writes. */
static void on_ready(struct visits *visits, uint64_t number, uint32_t found) {
    list_for(struct visit, visit, &visits->all, node) {
        if (visit->number != number)
            continue;
        uint32_t ready = found & (EPOLLHUP | EPOLLERR) ? visit->wanted : found & visit->wanted;
        visit->wanted &= ~ready;
        if (ready & EPOLLIN)
            http_wake(&visit->viewer->http);
        if (ready & EPOLLOUT && visit->typist)
            http_resume(&visit->typist->http);
        want(visits, visit, 0);
    }
}

/* What a login let in ends with it. */
static void tick(struct visits *visits) {
    const struct logins *logins = &visits->rest->logins;
    list_for(struct visit, visit, &visits->all, node) {
        const char *login = visit->viewer->login;
        if (login[0] && !logins_stand(logins, login, watch_now_ms()))
            end(visit);
    }
}

static void *run(void *context) {
    struct visits *visits = context;
    struct epoll_event events[events_most];
    bool is_ending = false, is_empty = true;
    while (!is_ending) {
        int count = epoll_wait(visits->epoll_fd, events, events_most, is_empty ? -1 : tick_ms);
        pthread_mutex_lock(&visits->rest->lock);
        for (int i = 0; i < count; i++)
            on_ready(visits, events[i].data.u64, events[i].events);
        tick(visits);
        is_ending = visits->is_ending;
        is_empty = list_is_empty(&visits->all);
        pthread_mutex_unlock(&visits->rest->lock);
    }
    return NULL;
}

struct visits *visits_start(struct rest *rest, struct error *err) {
    struct visits *visits = memory_new(1, sizeof(*visits));
    struct epoll_event stop = {.events = EPOLLIN};
    visits->rest = rest;
    list_init(&visits->all);
    visits->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    visits->stop_fd = eventfd(0, EFD_CLOEXEC);
    int code = 0;
    if (visits->epoll_fd < 0 || visits->stop_fd < 0 ||
        epoll_ctl(visits->epoll_fd, EPOLL_CTL_ADD, visits->stop_fd, &stop) < 0)
        code = errno;
    if (!code)
        code = pthread_create(&visits->thread, NULL, run, visits);
    visits->has_thread = !code;
    if (!code)
        return visits;
    (void)error_set(err, -code, "start a thread for streams: %s", strerror(code));
    visits_free(visits);
    return NULL;
}

void visits_end(struct visits *visits) {
    const uint64_t one = 1;
    if (!visits || !visits->has_thread)
        return;
    pthread_mutex_lock(&visits->rest->lock);
    visits->is_ending = true;
    list_for(struct visit, visit, &visits->all, node)
        end(visit);
    pthread_mutex_unlock(&visits->rest->lock);
    if (write(visits->stop_fd, &one, sizeof(one)) == sizeof(one))
        pthread_join(visits->thread, NULL);
    visits->has_thread = false;
}

void visits_free(struct visits *visits) {
    if (!visits)
        return;
    visits_end(visits);
    if (visits->epoll_fd >= 0)
        (void)close(visits->epoll_fd);
    if (visits->stop_fd >= 0)
        (void)close(visits->stop_fd);
    memory_free(visits);
}

static enum http_next refuse(struct rest_call *call, enum code code, const char *detail,
                             const char *remedy) {
    struct problem problem;
    problem_set(&problem, code, NULL, "%s", detail);
    problem_set_status(&problem, problem.status, remedy);
    return rest_refuse(call, &problem);
}

static enum http_next refuse_ending(struct rest_call *call) {
    struct problem problem;
    problem_set(&problem, CODE_SHUTTING_DOWN, NULL, "The manager is shutting down");
    return rest_refuse(call, &problem);
}

/* Whichever stream it is, and whoever it is of: no two answers tell them apart. */
static enum http_next refuse_unknown(struct rest_call *call) {
    return refuse(call, CODE_NOT_FOUND, "You have joined no such stream, or it has ended",
                  "ask for a ticket, and join anew");
}

/* The other end of its descriptor; -1: there is none. Under the lock. */
static int begin(struct visits *visits, struct rest_call *call) {
    int ends[2];
    if (visits->is_ending ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
        return -1;
    struct visit *visit = memory_new(1, sizeof(*visit));
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT};
    visit->number = event.data.u64 = ++visits->last_number;
    visit->fd = ends[0];
    visit->viewer = call;
    visit->wanted = EPOLLIN;
    secret_token(visit->id);
    if (epoll_ctl(visits->epoll_fd, EPOLL_CTL_ADD, visit->fd, &event) < 0) {
        (void)close(ends[0]);
        (void)close(ends[1]);
        memory_free(visit);
        return -1;
    }
    list_add(&visits->all, &visit->node);
    call->visit = visit;
    return ends[1];
}

enum http_next visits_join(struct visits *visits, struct rest_call *call, const char *ticket) {
    if (!visits)
        return refuse(call, CODE_UNSUPPORTED, "This cloud has no streams",
                      "its operator sets [streams]; the operator's guide tells how");
    const struct rest_streams *streams = &visits->rest->streams;
    call->waited = true; /* how long it lasts says nothing */
    pthread_mutex_lock(&visits->rest->lock);
    int fd = begin(visits, call);
    if (fd >= 0)
        http_hold(&call->http); /* first: an answer may come before we are back */
    pthread_mutex_unlock(&visits->rest->lock);
    if (fd < 0)
        return refuse_ending(call);
    streams->visit(streams->streams, &(struct stream_visit){.fd = fd, .ticket = ticket,
                                                             .token_hash = call->token_hash,
                                                             .from = call->http.from});
    return HTTP_HOLD;
}

enum http_next visits_joined(struct visits *visits, struct rest_call *call) {
    struct visit *visit = call->visit;
    struct http_answer *answer = &call->http.answer;
    char mark = 0;
    pthread_mutex_lock(&visits->rest->lock);
    bool is_ending = visits->is_ending;
    ssize_t length = is_ending ? 0 : recv(visit->fd, &mark, sizeof(mark), MSG_DONTWAIT);
    visit->is_taken = length == 1 && mark == stream_taken;
    pthread_mutex_unlock(&visits->rest->lock);
    if (is_ending)
        return refuse_ending(call);
    if (!visit->is_taken)
        return refuse(call, CODE_FORBIDDEN, "The ticket was used already, is older than 30 "
                      "seconds, or is not this token's", "ask for another one");
    answer_stream(answer, "application/octet-stream");
    answer_header(answer, "Location", "/v1/streams/%s", visit->id);
    answer_header(answer, "Cache-Control", "no-store");
    answer_header(answer, "X-Accel-Buffering", "no"); /* for proxies */
    return HTTP_DONE;
}

long visits_read(struct visits *visits, struct rest_call *call, char *bytes, size_t room) {
    struct visit *visit = call->visit;
    pthread_mutex_lock(&visits->rest->lock);
    ssize_t length = visit->has_ended ? 0 : recv(visit->fd, bytes, room, MSG_DONTWAIT);
    bool waits = length < 0 && (errno == EAGAIN || errno == EINTR);
    if (waits)
        want(visits, visit, EPOLLIN);
    visit->has_ended |= !waits && length <= 0;
    long read = visit->has_ended ? HTTP_STREAM_ENDS : waits ? 0 : (long)length;
    pthread_mutex_unlock(&visits->rest->lock);
    return read;
}

/* That the call may type into. */
static struct visit *find(struct visits *visits, const struct rest_call *call) {
    list_for(struct visit, visit, &visits->all, node)
        if (text_equal(visit->id, call->key) && visit->is_taken &&
            text_equal(visit->viewer->token_hash, call->token_hash) &&
            text_equal(visit->viewer->login, call->login))
            return visit;
    return NULL;
}

/* As much as there is room for; the call is held for the rest. */
static enum http_next type_on(struct visits *visits, struct rest_call *call) {
    struct visit *visit = call->types_into;
    size_t left = call->body.length - call->typed;
    ssize_t sent = left ? send(visit->fd, call->body.data + call->typed, left,
                               MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
    if (visit->has_ended || (sent < 0 && errno != EAGAIN && errno != EINTR))
        return refuse_unknown(call);
    call->typed += sent > 0 ? (size_t)sent : 0;
    if (call->typed < call->body.length) {
        call->waited = true;
        http_hold(&call->http); /* first: there may be room before we are back */
        want(visits, visit, EPOLLOUT);
        return HTTP_HOLD;
    }
    visit->typist = NULL;
    call->types_into = NULL;
    answer_begin(&call->http.answer, 204, NULL);
    answer_header(&call->http.answer, "Cache-Control", "no-store");
    return HTTP_DONE;
}

enum http_next visits_type(struct visits *visits, struct rest_call *call) {
    enum http_next next;
    if (!visits)
        return refuse_unknown(call);
    pthread_mutex_lock(&visits->rest->lock);
    struct visit *visit = find(visits, call);
    if (!visit) {
        next = refuse_unknown(call);
    } else if (visit->typist) {
        next = refuse(call, CODE_BUSY, "Another request types into this stream",
                      "send the next bytes when that is answered");
    } else {
        visit->typist = call;
        call->types_into = visit;
        next = type_on(visits, call);
    }
    pthread_mutex_unlock(&visits->rest->lock);
    return next;
}

enum http_next visits_typed(struct visits *visits, struct rest_call *call) {
    pthread_mutex_lock(&visits->rest->lock);
    enum http_next next = visits->is_ending   ? refuse_ending(call)
                          : call->types_into ? type_on(visits, call)
                                             : refuse_unknown(call);
    pthread_mutex_unlock(&visits->rest->lock);
    return next;
}

void visits_end_login(struct visits *visits, const char *login) {
    if (visits)
        list_for(struct visit, visit, &visits->all, node)
            if (text_equal(visit->viewer->login, login))
                end(visit);
}

void visits_leave(struct rest_call *call) {
    struct visit *visit = call->visit;
    if (call->types_into)
        call->types_into->typist = NULL;
    if (!visit)
        return;
    if (visit->typist) {
        visit->typist->types_into = NULL;
        http_resume(&visit->typist->http);
    }
    list_remove(&visit->node);
    (void)close(visit->fd);
    memory_free(visit);
}
