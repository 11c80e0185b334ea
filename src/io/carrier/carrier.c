/* A thread of its own carries out what core/link/endpoints orders; the connections' threads tell
 * it what became of that. One lock guards all; what is posted to the shell under it stays in
 * order. */
#include "io/carrier/carrier.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/carrier/xmpp/connection.h"
#include "message/limits.h"

enum { hold_down_default_seconds = 10, return_default_seconds = 300 };

struct xmpp {
    uint32_t link;
    struct shell *shell;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool is_stopping;
    struct endpoints endpoints;
    struct xmpp_connection *connections[limit_endpoints];
};

struct shell *xmpp_shell(const struct xmpp *xmpp) { return xmpp->shell; }

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- what the connections tell, on their threads ---- */

static void post_presence(struct endpoints *endpoints, const char *address,
                          enum presence presence) {
    struct xmpp *xmpp = container_of(endpoints, struct xmpp, endpoints);
    struct event event = {
        .kind = address ? EVENT_PEER : EVENT_LINK,
        .presence = {.link = xmpp->link, .address = address, .presence = presence},
    };
    shell_post(xmpp->shell, &event);
}

void xmpp_on_up(struct xmpp *xmpp, size_t number) {
    pthread_mutex_lock(&xmpp->lock);
    endpoints_on_up(&xmpp->endpoints, number, now_ms());
    pthread_cond_signal(&xmpp->changed);
    pthread_mutex_unlock(&xmpp->lock);
}

void xmpp_on_down(struct xmpp *xmpp, size_t number, enum failover_loss loss) {
    pthread_mutex_lock(&xmpp->lock);
    endpoints_on_down(&xmpp->endpoints, number, loss, now_ms());
    pthread_cond_signal(&xmpp->changed);
    pthread_mutex_unlock(&xmpp->lock);
}

void xmpp_on_peer(struct xmpp *xmpp, size_t number, const char *address,
                  enum presence presence) {
    pthread_mutex_lock(&xmpp->lock);
    endpoints_on_peer(&xmpp->endpoints, number, address, presence);
    pthread_mutex_unlock(&xmpp->lock);
}

void xmpp_on_frame(struct xmpp *xmpp, size_t number, const char *from, const char *bytes,
                   size_t length) {
    pthread_mutex_lock(&xmpp->lock);
    const struct event_frame about = {
        .link = xmpp->link,
        .endpoint = (uint32_t)number,
        .from = endpoints_on_frame(&xmpp->endpoints, number, from),
    };
    if (about.from) /* who says it, and so the route, is not known yet */
        shell_post_bytes(xmpp->shell, &about, bytes, length);
    pthread_mutex_unlock(&xmpp->lock);
}

/* ---- carrying out what is wanted ---- */

static void carry_out(struct xmpp *xmpp, size_t number) {
    switch (endpoints_order(&xmpp->endpoints, number)) {
    case ENDPOINTS_LEAVE:
        break;
    case ENDPOINTS_OPEN:
        xmpp_connection_open(xmpp->connections[number], xmpp->endpoints.all[number].purpose);
        break;
    case ENDPOINTS_CLOSE:
        xmpp_connection_close(xmpp->connections[number]);
        break;
    }
}

static void wait_until(struct xmpp *xmpp, uint64_t due_ms) {
    const struct timespec due = {(time_t)(due_ms / 1000), (long)(due_ms % 1000) * 1000000};
    if (due_ms == UINT64_MAX)
        pthread_cond_wait(&xmpp->changed, &xmpp->lock);
    else
        pthread_cond_timedwait(&xmpp->changed, &xmpp->lock, &due);
}

static void *run(void *argument) {
    struct xmpp *xmpp = argument;
    pthread_mutex_lock(&xmpp->lock);
    while (!xmpp->is_stopping) {
        endpoints_on_tick(&xmpp->endpoints, now_ms());
        for (size_t k = 0; k < xmpp->endpoints.count; k++)
            carry_out(xmpp, k);
        wait_until(xmpp, endpoints_deadline_ms(&xmpp->endpoints));
    }
    pthread_mutex_unlock(&xmpp->lock);
    return NULL;
}

/* ---- from outside ---- */

void xmpp_link_prepare(void) {
    setenv("SSL_CERT_FILE", "/dev/null", 1);
    setenv("SSL_CERT_DIR", "/nonexistent", 1);
}

static bool is_prepared(void) {
    const char *file = getenv("SSL_CERT_FILE"), *folder = getenv("SSL_CERT_DIR");
    return file && folder && text_equal(file, "/dev/null") && text_equal(folder, "/nonexistent");
}

void xmpp_link_route(struct xmpp *xmpp, const char *address, size_t endpoint) {
    pthread_mutex_lock(&xmpp->lock);
    endpoints_route(&xmpp->endpoints, address, endpoint);
    pthread_mutex_unlock(&xmpp->lock);
}

enum xmpp_sent xmpp_link_send(struct xmpp *xmpp, const char *address, const char *bytes,
                              size_t length) {
    const char *there = NULL;
    pthread_mutex_lock(&xmpp->lock);
    size_t number = endpoints_way(&xmpp->endpoints, address, &there);
    pthread_mutex_unlock(&xmpp->lock);
    if (!there)
        return XMPP_DROPPED;
    return xmpp_connection_send(xmpp->connections[number], there, bytes, length);
}

void xmpp_link_flush(struct xmpp *xmpp) {
    for (size_t k = 0; k < xmpp->endpoints.count; k++)
        xmpp_connection_flush(xmpp->connections[k]);
}

static void make_endpoints(struct xmpp *xmpp, const struct xmpp_settings *settings) {
    unsigned hold_down_seconds = settings->hold_down_seconds;
    unsigned return_seconds = settings->return_seconds;
    const char *accounts[limit_endpoints];
    struct endpoints_settings choice = {
        .use = settings->use,
        .accounts = accounts,
        .count = settings->endpoints_count,
        .hold_down_ms =
            1000ul * (hold_down_seconds ? hold_down_seconds : hold_down_default_seconds),
        .return_ms = 1000ul * (return_seconds ? return_seconds : return_default_seconds),
    };
    (void)!getrandom(&choice.seed, sizeof(choice.seed), 0);
    for (size_t k = 0; k < choice.count; k++)
        accounts[k] = settings->endpoints[k].jid;
    xmpp->endpoints.tell = post_presence;
    endpoints_init(&xmpp->endpoints, &choice, settings->peers_count);
    for (size_t i = 0; i < settings->peers_count; i++)
        endpoints_add_party(&xmpp->endpoints, i, settings->peers[i].addresses);
}

static int open_connections(struct xmpp *xmpp, const struct xmpp_settings *settings,
                            struct error *err) {
    auto_clean(memory_clean) const char **peers =
        memory_new(settings->peers_count, sizeof(*peers));
    for (size_t k = 0; k < xmpp->endpoints.count; k++) {
        for (size_t i = 0; i < settings->peers_count; i++)
            peers[i] = settings->peers[i].addresses[k];
        xmpp->connections[k] = xmpp_connection_new(settings, k, peers, xmpp, err);
        if (!xmpp->connections[k])
            return err->code;
    }
    return 0;
}

static int start_thread(struct xmpp *xmpp, struct error *err) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&xmpp->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    sigset_t all, before; /* the signals are the main thread's */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&xmpp->thread, NULL, run, xmpp);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return error_set(err, -failed, "start a thread for an XMPP link: %s", strerror(failed));
    return 0;
}

static void free_all(struct xmpp *xmpp) {
    for (size_t k = 0; k < xmpp->endpoints.count; k++)
        if (xmpp->connections[k])
            xmpp_connection_close(xmpp->connections[k]);
    for (size_t k = 0; k < xmpp->endpoints.count; k++)
        xmpp_connection_free(xmpp->connections[k]);
    endpoints_deinit(&xmpp->endpoints);
    pthread_mutex_destroy(&xmpp->lock);
    memory_free(xmpp);
}

struct xmpp *xmpp_link_new(const struct xmpp_settings *settings, struct shell *shell,
                           struct error *err) {
    if (!settings->endpoints_count || settings->endpoints_count > limit_endpoints) {
        error_set(err, -EINVAL, "a link has 1 to %d servers, not %zu", limit_endpoints,
                  settings->endpoints_count);
        return NULL;
    }
    if (!is_prepared()) {
        error_set(err, -EINVAL, "start the XMPP link: xmpp_link_prepare was not called");
        return NULL;
    }
    struct xmpp *xmpp = memory_new(1, sizeof(*xmpp));
    xmpp->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    xmpp->link = settings->link;
    xmpp->shell = shell;
    make_endpoints(xmpp, settings);
    if (open_connections(xmpp, settings, err) || start_thread(xmpp, err)) {
        free_all(xmpp);
        return NULL;
    }
    return xmpp;
}

void xmpp_link_free(struct xmpp *xmpp) {
    if (!xmpp)
        return;
    pthread_mutex_lock(&xmpp->lock);
    xmpp->is_stopping = true;
    pthread_cond_signal(&xmpp->changed);
    pthread_mutex_unlock(&xmpp->lock);
    pthread_join(xmpp->thread, NULL);
    pthread_cond_destroy(&xmpp->changed);
    free_all(xmpp);
}
