/* What is sent together, and how each of it ends. */
#include "io/chat/tell.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "io/chat/ask.h"
#include "io/chat/write.h"
#include "io/deliver/sentence.h"

enum {
    answer_seconds = 15, /* so long our server may take for what was sent */
    pause_seconds = 2,   /* after a manager that did not answer */
    known_most = 64,
};

struct told {
    char id[limit_id_size], address[limit_address_size];
    struct delivery_end end;
    bool is_sent, is_refused;
};

struct chat_teller {
    struct chat_teller_settings settings;
    char server[limit_address_size];
    pthread_t thread;
    atomic_bool is_stopping;
    bool is_failing; /* of the thread alone, like the next two */
    /* What was told, though the manager may not know: it is not told again. */
    char known[known_most][limit_id_size];
    size_t known_next;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    bool is_up, is_answered;
    uint64_t round;
    struct told batch[chat_deliveries_most];
    size_t batch_count;
};

/* False: it is over. The lock is held. */
static bool await(struct chat_teller *teller, const struct timespec *until) {
    return (until ? pthread_cond_timedwait(&teller->changed, &teller->lock, until)
                  : pthread_cond_wait(&teller->changed, &teller->lock)) == 0;
}

static struct timespec later(int seconds) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += seconds;
    return at;
}

static bool await_up(struct chat_teller *teller) {
    pthread_mutex_lock(&teller->lock);
    while (!teller->is_up && !teller->is_stopping)
        (void)!await(teller, NULL);
    pthread_mutex_unlock(&teller->lock);
    return !teller->is_stopping;
}

static void pause_a_while(struct chat_teller *teller) {
    const struct timespec until = later(pause_seconds);
    pthread_mutex_lock(&teller->lock);
    while (!teller->is_stopping && await(teller, &until))
        ;
    pthread_mutex_unlock(&teller->lock);
}

static size_t find_known(const struct chat_teller *teller, const char *id) {
    size_t at = 0;
    while (at < known_most && !text_equal(teller->known[at], id))
        at++;
    return at;
}

static void set_why(struct told *told, const char *why) {
    told->end.outcome = DELIVERED_FAILED;
    text_format(told->end.why, sizeof(told->end.why), "%s", why);
}

/* ---- one batch ---- */

static void send_one(struct chat_teller *teller, const struct chat_delivery *delivery,
                     struct told *told) {
    auto_clean(text_deinit) struct text line = chat_text_empty, stanza = {0};
    const char *address = delivery->contact.address;
    if (find_known(teller, told->id) < known_most) {
        told->end.outcome = DELIVERED_DONE;
    } else if (!chat_is_of_domain(teller->settings.domains, address)) {
        set_why(told, "addresses at that domain are not told by this cloud's program for chats");
    } else if (text_copy(told->address, sizeof(told->address), address)) {
        sentence_print(&delivery->contact, &delivery->delivery, &line);
        chat_write_message(&stanza, address, told->id, text_data(&line));
        told->is_sent = carrier_outbox_add(teller->settings.outbox, &stanza);
    }
}

static void begin_batch(struct chat_teller *teller, const struct chat_deliveries *due) {
    auto_clean(text_deinit) struct text ping = {0};
    char id[limit_id_size];
    teller->round++;
    teller->is_answered = false;
    teller->batch_count = 0;
    for (uint32_t i = 0; i < due->items_count && i < chat_deliveries_most; i++) {
        struct told *told = &teller->batch[teller->batch_count++];
        *told = (struct told){0};
        text_set(told->id, due->items[i].delivery.id);
        set_why(told, "the chat's server is away");
        send_one(teller, &due->items[i], told);
    }
    text_format(id, sizeof(id), "told-%llu", (unsigned long long)teller->round);
    chat_write_ping(&ping, id, teller->server);
    if (carrier_outbox_add(teller->settings.outbox, &ping))
        carrier_outbox_wake(teller->settings.outbox);
}

static void judge_batch(struct chat_teller *teller) {
    for (size_t i = 0; i < teller->batch_count; i++) {
        struct told *told = &teller->batch[i];
        if (!teller->is_answered || !told->is_sent || told->is_refused)
            continue;
        told->end = (struct delivery_end){.outcome = DELIVERED_DONE};
        text_set(teller->known[teller->known_next++ % known_most], told->id);
    }
}

static struct chat_asker asker_of(const struct chat_teller *teller) {
    return (struct chat_asker){teller->settings.url, teller->settings.ca_file,
                               teller->settings.token, &teller->is_stopping};
}

/* Says what became of it. What cannot be said is fetched again. */
static void report(struct chat_teller *teller, const struct told *told) {
    auto_clean(text_deinit) struct text why = {0};
    const struct chat_asker asker = asker_of(teller);
    size_t at = find_known(teller, told->id);
    if (chat_ask_end(&asker, told->id, &told->end, &why) && at < known_most)
        teller->known[at][0] = 0;
}

static void tell(struct chat_teller *teller, const struct chat_deliveries *due) {
    const struct timespec until = later(answer_seconds);
    pthread_mutex_lock(&teller->lock);
    begin_batch(teller, due);
    while (teller->is_up && !teller->is_answered && !teller->is_stopping && await(teller, &until))
        ;
    judge_batch(teller);
    pthread_mutex_unlock(&teller->lock);
    for (size_t i = 0; i < teller->batch_count; i++)
        report(teller, &teller->batch[i]);
}

/* Told once, not at each of its repeats. */
static void note(struct chat_teller *teller, const char *why) {
    bool is_failing = why;
    if (is_failing && !teller->is_failing)
        log_line(teller->settings.log, LOG_WARNING, "chat-notices", "state=unfetched why=\"%s\"",
                 why);
    else if (!is_failing && teller->is_failing)
        log_line(teller->settings.log, LOG_INFO, "chat-notices", "state=fetched");
    teller->is_failing = is_failing;
}

static void fetch(struct chat_teller *teller) {
    auto_clean(text_deinit) struct text why = {0};
    struct chat_deliveries due = {0};
    const struct chat_asker asker = asker_of(teller);
    enum chat_result result = chat_ask_deliveries(&asker, &due, &why);
    if (result == CHAT_UNKNOWN)
        text_add(&why, "The manager does not know this token.");
    if (!teller->is_stopping)
        note(teller, result == CHAT_DONE ? NULL : text_data(&why));
    if (result != CHAT_DONE)
        pause_a_while(teller);
    else if (due.items_count)
        tell(teller, &due);
    record_clear(&chat_deliveries_table, &due);
}

static void *run(void *argument) {
    struct chat_teller *teller = argument;
    while (await_up(teller))
        fetch(teller);
    return NULL;
}

/* ---- what the connection says ---- */

static void set_up(struct chat_teller *teller, bool is_up) {
    if (!teller)
        return;
    pthread_mutex_lock(&teller->lock);
    teller->is_up = is_up;
    pthread_cond_broadcast(&teller->changed);
    pthread_mutex_unlock(&teller->lock);
}

void chat_teller_on_up(struct chat_teller *teller) { set_up(teller, true); }

void chat_teller_on_down(struct chat_teller *teller) { set_up(teller, false); }

void chat_teller_on_answer(struct chat_teller *teller, const char *id) {
    char wanted[limit_id_size];
    if (!teller)
        return;
    pthread_mutex_lock(&teller->lock);
    text_format(wanted, sizeof(wanted), "told-%llu", (unsigned long long)teller->round);
    if (text_equal(id, wanted)) {
        teller->is_answered = true;
        pthread_cond_broadcast(&teller->changed);
    }
    pthread_mutex_unlock(&teller->lock);
}

void chat_teller_on_refusal(struct chat_teller *teller, const struct chat_refused *refused) {
    bool is_gone = text_equal(refused->condition, "gone");
    char from[limit_address_size];
    if (!teller || strlen(refused->from) >= sizeof(from))
        return;
    chat_bare(refused->from, from);
    pthread_mutex_lock(&teller->lock);
    for (size_t i = 0; i < teller->batch_count; i++) {
        struct told *told = &teller->batch[i];
        if (!told->is_sent || !text_equal(told->id, refused->id) ||
            !text_equal(told->address, from))
            continue;
        told->is_refused = true;
        told->end.outcome = is_gone ? DELIVERED_GONE : DELIVERED_FAILED;
        text_format(told->end.why, sizeof(told->end.why), "the chat's server answered %.64s",
                    refused->condition);
    }
    pthread_mutex_unlock(&teller->lock);
}

/* ---- its life ---- */

static void teller_free(struct chat_teller *teller) {
    pthread_cond_destroy(&teller->changed);
    pthread_mutex_destroy(&teller->lock);
    memory_free(teller);
}

struct chat_teller *chat_teller_start(const struct chat_teller_settings *settings,
                                      struct error *err) {
    struct chat_teller *teller = memory_new(1, sizeof(*teller));
    pthread_condattr_t monotonic;
    teller->settings = *settings;
    chat_bare(strchr(settings->account, '@') + 1, teller->server);
    pthread_mutex_init(&teller->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&teller->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int code = pthread_create(&teller->thread, NULL, run, teller);
    if (!code)
        return teller;
    (void)error_set(err, -code, "start a thread for notifications: %s", strerror(code));
    teller_free(teller);
    return NULL;
}

void chat_teller_stop(struct chat_teller *teller) {
    if (!teller)
        return;
    pthread_mutex_lock(&teller->lock);
    atomic_store(&teller->is_stopping, true);
    pthread_cond_broadcast(&teller->changed);
    pthread_mutex_unlock(&teller->lock);
    pthread_join(teller->thread, NULL);
    teller_free(teller);
}
