/* A thread of its own carries out what core/failover wants; the connections' threads tell it what
 * became of that. One lock guards all; what is posted to the shell under it stays in order. */
#include "io/xmpp.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/xmpp_connection.h"
#include "message/limits.h"

enum { hold_down_default_seconds = 10, return_default_seconds = 300 };

struct party {
    char *addresses[limit_endpoints];
    size_t endpoint; /* by which it is sent to */
    bool is_heard;   /* there, and that is up */
};

/* Endpoints of which one is in use at a time; they follow each other. */
struct group {
    struct failover failover;
    size_t first, count;
};

struct endpoint {
    struct xmpp_connection *connection;
    enum failover_want purpose; /* FAILOVER_NOTHING: it is closed */
    bool is_up;
    bool is_closing;    /* by us */
    struct map parties; /* by their address there */
};

struct xmpp {
    uint32_t link;
    struct shell *shell;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool is_stopping;
    struct endpoint endpoints[limit_endpoints];
    struct group groups[limit_endpoints];
    size_t endpoints_count, groups_count;
    size_t up_count; /* endpoints in use that are up */
    struct party *parties;
    size_t parties_count;
};

struct shell *xmpp_shell(const struct xmpp *xmpp) { return xmpp->shell; }

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- what the connections tell, on their threads ---- */

static void post_presence(struct xmpp *xmpp, enum event_kind kind, const char *address,
                          enum presence presence) {
    struct event event = {
        .kind = kind,
        .presence = {.link = xmpp->link, .address = address, .presence = presence},
    };
    shell_post(xmpp->shell, &event);
}

static struct group *group_of(struct xmpp *xmpp, size_t number) {
    struct group *group = xmpp->groups;
    while (number >= group->first + group->count)
        group++;
    return group;
}

static bool is_used(const struct endpoint *endpoint) {
    return endpoint->is_up && endpoint->purpose == FAILOVER_USE;
}

void xmpp_on_up(struct xmpp *xmpp, size_t number) {
    pthread_mutex_lock(&xmpp->lock);
    struct endpoint *endpoint = &xmpp->endpoints[number];
    struct group *group = group_of(xmpp, number);
    endpoint->is_up = true;
    if (!endpoint->is_closing)
        failover_on_up(&group->failover, number - group->first, now_ms());
    if (is_used(endpoint) && xmpp->up_count++ == 0)
        post_presence(xmpp, EVENT_LINK, NULL, PRESENCE_UP);
    pthread_cond_signal(&xmpp->changed);
    pthread_mutex_unlock(&xmpp->lock);
}

/* Whoever was heard there is away until it is heard elsewhere. */
static void leave(struct xmpp *xmpp, size_t number) {
    xmpp->up_count--;
    for (size_t i = 0; i < xmpp->parties_count; i++) {
        struct party *party = &xmpp->parties[i];
        if (!party->is_heard || party->endpoint != number)
            continue;
        party->is_heard = false;
        if (xmpp->up_count)
            post_presence(xmpp, EVENT_PEER, party->addresses[0], PRESENCE_DOWN);
    }
    if (!xmpp->up_count)
        post_presence(xmpp, EVENT_LINK, NULL, PRESENCE_DOWN);
}

void xmpp_on_down(struct xmpp *xmpp, size_t number, enum failover_loss loss) {
    pthread_mutex_lock(&xmpp->lock);
    struct endpoint *endpoint = &xmpp->endpoints[number];
    struct group *group = group_of(xmpp, number);
    if (is_used(endpoint))
        leave(xmpp, number);
    if (!endpoint->is_closing)
        failover_on_lost(&group->failover, number - group->first, loss, now_ms());
    endpoint->is_up = endpoint->is_closing = false;
    endpoint->purpose = FAILOVER_NOTHING;
    pthread_cond_signal(&xmpp->changed);
    pthread_mutex_unlock(&xmpp->lock);
}

void xmpp_on_peer(struct xmpp *xmpp, size_t number, const char *address,
                  enum presence presence) {
    pthread_mutex_lock(&xmpp->lock);
    struct party *party = map_get(&xmpp->endpoints[number].parties, address);
    bool is_elsewhere = party && party->is_heard && party->endpoint != number;
    if (is_used(&xmpp->endpoints[number]) && !is_elsewhere) {
        if (party) {
            party->is_heard = presence == PRESENCE_UP;
            party->endpoint = number;
        }
        post_presence(xmpp, EVENT_PEER, party ? party->addresses[0] : address, presence);
    }
    pthread_mutex_unlock(&xmpp->lock);
}

void xmpp_on_frame(struct xmpp *xmpp, size_t number, const char *from, const char *bytes,
                   size_t length) {
    pthread_mutex_lock(&xmpp->lock);
    struct party *party = map_get(&xmpp->endpoints[number].parties, from);
    const struct event_frame about = {.link = xmpp->link,
                                      .endpoint = (uint32_t)number,
                                      .from = party ? party->addresses[0] : from};
    if (is_used(&xmpp->endpoints[number])) /* who says it, and so the route, is not known yet */
        shell_post_bytes(xmpp->shell, &about, bytes, length);
    pthread_mutex_unlock(&xmpp->lock);
}

/* ---- carrying out what is wanted ---- */

static bool group_is_in_use(const struct xmpp *xmpp, const struct group *group) {
    for (size_t i = group->first; i < group->first + group->count; i++)
        if (xmpp->endpoints[i].purpose == FAILOVER_USE)
            return true;
    return false;
}

/* What is no longer wanted is closed; what is, opened as soon as its like has ended. */
static void group_carry_out(struct xmpp *xmpp, struct group *group) {
    for (size_t i = 0; i < group->count; i++) {
        struct endpoint *endpoint = &xmpp->endpoints[group->first + i];
        enum failover_want want = failover_wants(&group->failover, i);
        if (endpoint->purpose == want || endpoint->is_closing)
            continue;
        if (endpoint->purpose != FAILOVER_NOTHING) {
            endpoint->is_closing = true;
            xmpp_connection_close(endpoint->connection);
        } else if (want == FAILOVER_PROBE || !group_is_in_use(xmpp, group)) {
            endpoint->purpose = want;
            xmpp_connection_open(endpoint->connection, want);
        }
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
        uint64_t due_ms = UINT64_MAX;
        for (size_t i = 0; i < xmpp->groups_count; i++) {
            struct group *group = &xmpp->groups[i];
            failover_on_tick(&group->failover, now_ms());
            group_carry_out(xmpp, group);
            uint64_t group_due_ms = failover_deadline_ms(&group->failover);
            due_ms = group_due_ms < due_ms ? group_due_ms : due_ms;
        }
        wait_until(xmpp, due_ms);
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

static struct party *party_of(const struct xmpp *xmpp, const char *address) {
    return map_get(&xmpp->endpoints[0].parties, address);
}

void xmpp_link_route(struct xmpp *xmpp, const char *address, size_t endpoint) {
    pthread_mutex_lock(&xmpp->lock);
    struct party *party = party_of(xmpp, address);
    if (party && is_used(&xmpp->endpoints[endpoint])) {
        party->is_heard = true;
        party->endpoint = endpoint;
    }
    pthread_mutex_unlock(&xmpp->lock);
}

enum xmpp_sent xmpp_link_send(struct xmpp *xmpp, const char *address, const char *bytes,
                              size_t length) {
    pthread_mutex_lock(&xmpp->lock);
    const struct party *party = party_of(xmpp, address);
    size_t number = party && party->is_heard ? party->endpoint : 0;
    while (number < xmpp->endpoints_count && !is_used(&xmpp->endpoints[number]))
        number++;
    struct xmpp_connection *connection =
        number < xmpp->endpoints_count ? xmpp->endpoints[number].connection : NULL;
    pthread_mutex_unlock(&xmpp->lock);
    if (!connection)
        return XMPP_DROPPED;
    return xmpp_connection_send(connection, party ? party->addresses[number] : address, bytes,
                                length);
}

void xmpp_link_flush(struct xmpp *xmpp) {
    for (size_t k = 0; k < xmpp->endpoints_count; k++)
        xmpp_connection_flush(xmpp->endpoints[k].connection);
}

static void copy_parties(struct xmpp *xmpp, const struct xmpp_settings *settings) {
    xmpp->parties = memory_new(settings->peers_count, sizeof(*xmpp->parties));
    xmpp->parties_count = settings->peers_count;
    for (size_t k = 0; k < xmpp->endpoints_count; k++)
        map_init(&xmpp->endpoints[k].parties, (uintptr_t)xmpp);
    for (size_t i = 0; i < xmpp->parties_count; i++) {
        struct party *party = &xmpp->parties[i];
        for (size_t k = 0; k < xmpp->endpoints_count; k++) {
            party->addresses[k] = memory_text(settings->peers[i].addresses[k]);
            if (!map_get(&xmpp->endpoints[k].parties, party->addresses[k]))
                map_put(&xmpp->endpoints[k].parties, party->addresses[k], party);
        }
    }
}

static int open_connections(struct xmpp *xmpp, const struct xmpp_settings *settings,
                            struct error *err) {
    auto_clean(memory_clean) const char **peers =
        memory_new(settings->peers_count, sizeof(*peers));
    for (size_t k = 0; k < xmpp->endpoints_count; k++) {
        for (size_t i = 0; i < settings->peers_count; i++)
            peers[i] = settings->peers[i].addresses[k];
        xmpp->endpoints[k].connection = xmpp_connection_new(settings, k, peers, xmpp, err);
        if (!xmpp->endpoints[k].connection)
            return err->code;
    }
    return 0;
}

static void make_groups(struct xmpp *xmpp, const struct xmpp_settings *settings) {
    unsigned hold_down_seconds = settings->hold_down_seconds;
    unsigned return_seconds = settings->return_seconds;
    uint64_t seed = 0;
    (void)!getrandom(&seed, sizeof(seed), 0);
    for (size_t k = 0; k < xmpp->endpoints_count; k++)
        if (k == 0 || (settings->use == XMPP_USE_EACH &&
                       !text_equal(settings->endpoints[k].jid, settings->endpoints[k - 1].jid)))
            xmpp->groups[xmpp->groups_count++] = (struct group){.first = k, .count = 1};
        else
            xmpp->groups[xmpp->groups_count - 1].count++;
    for (size_t i = 0; i < xmpp->groups_count; i++)
        failover_init(&xmpp->groups[i].failover, xmpp->groups[i].count,
                      1000ul * (hold_down_seconds ? hold_down_seconds : hold_down_default_seconds),
                      1000ul * (return_seconds ? return_seconds : return_default_seconds),
                      seed + i);
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
    for (size_t k = 0; k < xmpp->endpoints_count; k++)
        if (xmpp->endpoints[k].connection)
            xmpp_connection_close(xmpp->endpoints[k].connection);
    for (size_t k = 0; k < xmpp->endpoints_count; k++) {
        xmpp_connection_free(xmpp->endpoints[k].connection);
        map_deinit(&xmpp->endpoints[k].parties);
    }
    for (size_t i = 0; i < xmpp->parties_count; i++)
        for (size_t k = 0; k < xmpp->endpoints_count; k++)
            memory_free(xmpp->parties[i].addresses[k]);
    memory_free(xmpp->parties);
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
    xmpp->endpoints_count = settings->endpoints_count;
    copy_parties(xmpp, settings);
    make_groups(xmpp, settings);
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
