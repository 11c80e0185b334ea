/* A thread of its own carries out what core/link/endpoints orders; the lines' threads tell it what
 * became of that. One lock guards all; what is posted to the shell under it stays in order. */
#include "io/carrier/carrier.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/carrier/thread.h"
#include "message/limits.h"

enum {
    hold_down_default_seconds = 10,
    return_default_seconds = 300,
    account_size = limit_address_size + 16, /* with its kind */
};

struct carrier {
    uint32_t link;
    struct shell *shell;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool is_stopping;
    struct endpoints endpoints;
    struct carrier_line *lines[limit_endpoints];
    struct carrier_fault faults[limit_endpoints];
    bool contested; /* what is told now is so since somebody else has our address */
};

/* ---- what the lines tell, on their threads ---- */

static void post_presence(struct endpoints *endpoints, const char *address,
                          enum presence presence) {
    struct carrier *carrier = container_of(endpoints, struct carrier, endpoints);
    struct event event = {
        .kind = address ? EVENT_PEER : EVENT_LINK,
        .presence = {.link = carrier->link, .address = address, .presence = presence,
                     .contested = carrier->contested},
    };
    shell_post(carrier->shell, &event);
}

void carrier_on_up(const struct carrier_line *line) {
    struct carrier *carrier = line->carrier;
    pthread_mutex_lock(&carrier->lock);
    carrier->faults[line->number] = (struct carrier_fault){0};
    endpoints_on_up(&carrier->endpoints, line->number, carrier_now_ms());
    pthread_cond_signal(&carrier->changed);
    pthread_mutex_unlock(&carrier->lock);
}

void carrier_on_down(const struct carrier_line *line, enum failover_loss loss) {
    struct carrier *carrier = line->carrier;
    pthread_mutex_lock(&carrier->lock);
    carrier->contested = loss == FAILOVER_CONFLICT;
    endpoints_on_down(&carrier->endpoints, line->number, loss, carrier_now_ms());
    carrier->contested = false;
    pthread_cond_signal(&carrier->changed);
    pthread_mutex_unlock(&carrier->lock);
}

void carrier_on_fault(const struct carrier_line *line, const char *cause, const char *remedy) {
    struct carrier *carrier = line->carrier;
    struct carrier_fault *fault = &carrier->faults[line->number];
    pthread_mutex_lock(&carrier->lock);
    text_format(fault->cause, sizeof(fault->cause), "%s", cause);
    text_format(fault->remedy, sizeof(fault->remedy), "%s", remedy);
    pthread_mutex_unlock(&carrier->lock);
}

void carrier_read(struct carrier *carrier, struct carrier_state *out_state) {
    *out_state = (struct carrier_state){0};
    pthread_mutex_lock(&carrier->lock);
    out_state->is_up = carrier->endpoints.up_count > 0;
    for (size_t k = 0; k < carrier->endpoints.count && !out_state->fault.cause[0]; k++)
        out_state->fault = carrier->faults[k];
    pthread_mutex_unlock(&carrier->lock);
}

void carrier_on_peer(const struct carrier_line *line, const char *address,
                     enum presence presence) {
    struct carrier *carrier = line->carrier;
    pthread_mutex_lock(&carrier->lock);
    endpoints_on_peer(&carrier->endpoints, line->number, address, presence);
    pthread_mutex_unlock(&carrier->lock);
}

void carrier_on_frame(const struct carrier_line *line, const char *from, const char *bytes,
                      size_t length) {
    struct carrier *carrier = line->carrier;
    pthread_mutex_lock(&carrier->lock);
    const struct event_frame about = {
        .link = carrier->link,
        .endpoint = (uint32_t)line->number,
        .from = endpoints_on_frame(&carrier->endpoints, line->number, from),
    };
    if (about.from) /* who says it, and so the route, is not known yet */
        shell_post_bytes(carrier->shell, &about, bytes, length);
    pthread_mutex_unlock(&carrier->lock);
}

/* ---- carrying out what is wanted ---- */

static void carry_out(struct carrier *carrier, size_t number) {
    struct carrier_line *line = carrier->lines[number];
    switch (endpoints_order(&carrier->endpoints, number)) {
    case ENDPOINTS_LEAVE:
        break;
    case ENDPOINTS_OPEN:
        line->kind->open(line, carrier->endpoints.all[number].purpose);
        break;
    case ENDPOINTS_CLOSE:
        line->kind->close(line);
        break;
    }
}

static void wait_until(struct carrier *carrier, uint64_t due_ms) {
    const struct timespec due = {(time_t)(due_ms / 1000), (long)(due_ms % 1000) * 1000000};
    if (due_ms == UINT64_MAX)
        pthread_cond_wait(&carrier->changed, &carrier->lock);
    else
        pthread_cond_timedwait(&carrier->changed, &carrier->lock, &due);
}

static void *run(void *argument) {
    struct carrier *carrier = argument;
    pthread_mutex_lock(&carrier->lock);
    while (!carrier->is_stopping) {
        endpoints_on_tick(&carrier->endpoints, carrier_now_ms());
        for (size_t k = 0; k < carrier->endpoints.count; k++)
            carry_out(carrier, k);
        wait_until(carrier, endpoints_deadline_ms(&carrier->endpoints));
    }
    pthread_mutex_unlock(&carrier->lock);
    return NULL;
}

/* ---- from outside ---- */

void carrier_route(struct carrier *carrier, const char *address, size_t endpoint) {
    pthread_mutex_lock(&carrier->lock);
    endpoints_route(&carrier->endpoints, address, endpoint);
    pthread_mutex_unlock(&carrier->lock);
}

enum carrier_sent carrier_send(struct carrier *carrier, const char *address, const char *bytes,
                               size_t length) {
    const char *there = NULL;
    pthread_mutex_lock(&carrier->lock);
    size_t number = endpoints_way(&carrier->endpoints, address, &there);
    pthread_mutex_unlock(&carrier->lock);
    if (!there)
        return CARRIER_DROPPED;
    struct carrier_line *line = carrier->lines[number];
    return line->kind->send(line, there, bytes, length);
}

void carrier_flush(struct carrier *carrier) {
    for (size_t k = 0; k < carrier->endpoints.count; k++)
        carrier->lines[k]->kind->flush(carrier->lines[k]);
}

/* Servers of two kinds are never nodes of one cluster, whatever the addresses look like. */
static void name_accounts(const struct carrier_settings *settings,
                          char out_accounts[limit_endpoints][account_size]) {
    for (size_t k = 0; k < settings->endpoints_count; k++)
        text_format(out_accounts[k], account_size, "%s %s", settings->endpoints[k].kind->name,
                    settings->endpoints[k].address);
}

static void make_endpoints(struct carrier *carrier, const struct carrier_settings *settings) {
    unsigned hold_down_seconds = settings->hold_down_seconds;
    unsigned return_seconds = settings->return_seconds;
    char texts[limit_endpoints][account_size];
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
    name_accounts(settings, texts);
    for (size_t k = 0; k < choice.count; k++)
        accounts[k] = texts[k];
    carrier->endpoints.tell = post_presence;
    endpoints_init(&carrier->endpoints, &choice, settings->peers_count);
    for (size_t i = 0; i < settings->peers_count; i++)
        endpoints_add_peer(&carrier->endpoints, i, settings->peers[i].addresses);
}

static int make_lines(struct carrier *carrier, const struct carrier_settings *settings,
                      struct error *err) {
    auto_clean(memory_clean) const char **peers =
        memory_new(settings->peers_count, sizeof(*peers));
    struct carrier_line_settings line = {
        .line.carrier = carrier,
        .shell = carrier->shell,
        .link = carrier->link,
        .peers = peers,
        .peers_count = settings->peers_count,
        .software = settings->software,
        .handshake_seconds = settings->handshake_seconds,
        .ping_seconds = settings->ping_seconds,
    };
    for (size_t k = 0; k < carrier->endpoints.count; k++) {
        for (size_t i = 0; i < settings->peers_count; i++)
            peers[i] = settings->peers[i].addresses[k];
        line.endpoint = &settings->endpoints[k];
        line.line.kind = line.endpoint->kind;
        line.line.number = k;
        carrier->lines[k] = line.endpoint->kind->make(&line, err);
        if (!carrier->lines[k])
            return err->code;
    }
    return 0;
}

static int start_thread(struct carrier *carrier, struct error *err) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&carrier->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return carrier_thread_start(&carrier->thread, run, carrier, err);
}

static void free_all(struct carrier *carrier) {
    for (size_t k = 0; k < carrier->endpoints.count; k++)
        if (carrier->lines[k])
            carrier->lines[k]->kind->close(carrier->lines[k]);
    for (size_t k = 0; k < carrier->endpoints.count; k++)
        if (carrier->lines[k])
            carrier->lines[k]->kind->free(carrier->lines[k]);
    endpoints_deinit(&carrier->endpoints);
    pthread_mutex_destroy(&carrier->lock);
    memory_free(carrier);
}

struct carrier *carrier_new(const struct carrier_settings *settings, struct shell *shell,
                            struct error *err) {
    if (!settings->endpoints_count || settings->endpoints_count > limit_endpoints) {
        error_set(err, -EINVAL, "a link has 1 to %d servers, not %zu", limit_endpoints,
                  settings->endpoints_count);
        return NULL;
    }
    struct carrier *carrier = memory_new(1, sizeof(*carrier));
    carrier->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    carrier->link = settings->link;
    carrier->shell = shell;
    make_endpoints(carrier, settings);
    if (make_lines(carrier, settings, err) || start_thread(carrier, err)) {
        free_all(carrier);
        return NULL;
    }
    return carrier;
}

void carrier_free(struct carrier *carrier) {
    if (!carrier)
        return;
    pthread_mutex_lock(&carrier->lock);
    carrier->is_stopping = true;
    pthread_cond_signal(&carrier->changed);
    pthread_mutex_unlock(&carrier->lock);
    pthread_join(carrier->thread, NULL);
    pthread_cond_destroy(&carrier->changed);
    free_all(carrier);
}
