/* When feeds look, who has to list anew, and how long a stream lasts. */
#include "io/rest/watch/watch.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "io/keys/secret.h"

/* gather_ms: a thing that changes often is told so often at the most. life_ms: a stream then ends,
 * and its client comes again, so that no connection outlives what it was let in by. */
enum { gather_ms = 50, tick_ms = 1000, bookmark_ms = 25000, life_ms = 3600000 };

struct watch {
    struct shell *shell;
    bool knows_who; /* the owner's: nobody has to be asked */
    char epoch[9];  /* of this start */
    pthread_t thread;
    pthread_mutex_t lock; /* before the server's own */
    pthread_cond_t changed;
    bool is_dirty, is_ending;
    struct notes notes;
    struct list feeds;
    uint32_t feed_ids;
    uint64_t ticked_ms;
};

uint64_t watch_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void watch_revision(const struct watch *watch, uint64_t number, char out[watch_revision_size]) {
    text_format(out, watch_revision_size, "%s-%llu", watch->epoch, (unsigned long long)number);
}

/* An event for this watcher alone, when it has taken what it is at. */
static void tell_own(struct watcher *watcher, const char *name, uint64_t number) {
    auto_clean(text_deinit) struct text text = {0};
    feed_print(watcher->feed, &(struct feed_word){name, number, NULL}, &text);
    text_set(watcher->own, text_data(&text));
    watcher->own_length = text.length;
    watcher->own_sent = 0;
    watcher->told_ms = watch_now_ms();
}

static void wake_all(struct feed *feed) {
    list_for(struct watcher, watcher, &feed->watchers, node)
        http_wake(watcher->http);
}

static void wake_thread(struct watch *watch) {
    watch->is_dirty = true;
    pthread_cond_signal(&watch->changed);
}

/* Asks the role, on this thread, without the lock. */
static void ask_all(struct watch *watch, const struct feed_ask *asks, size_t count) {
    struct request request = {0};
    pthread_mutex_unlock(&watch->lock);
    for (size_t i = 0; i < count; i++) {
        const struct event event = {.kind = EVENT_REQUEST, .request = &request};
        request.handle = asks[i].handle;
        request.kind = asks[i].kind;
        text_set(request.key, asks[i].key);
        text_set(request.token_hash, asks[i].token_hash);
        shell_put(watch->shell, &event);
    }
    if (count)
        shell_serve(watch->shell);
    pthread_mutex_lock(&watch->lock);
}

static void look_all(struct watch *watch) {
    struct feed_ask *asks = NULL;
    size_t count = 0;
    list_for(struct feed, feed, &watch->feeds, node) {
        uint64_t before = feed->next;
        asks = memory_resize(asks, (count + feed_batch) * sizeof(*asks));
        size_t more = feed_look(feed, &watch->notes, asks + count);
        if (feed->next != before || feed->has_ended)
            wake_all(feed);
        if (!more && !feed->asked && !feed->has_ended && feed->seen < watch->notes.told)
            watch->is_dirty = true;
        count += more;
    }
    ask_all(watch, asks, count);
    memory_free(asks);
}

static bool is_idle(const struct watcher *watcher) {
    const struct feed *feed = watcher->feed;
    return watcher->own_sent == watcher->own_length && !watcher->current &&
           watcher->next == feed->next && !feed->asked;
}

static void tick(struct watch *watch) {
    uint64_t now = watch->ticked_ms = watch_now_ms();
    list_for(struct feed, feed, &watch->feeds, node) {
        list_for(struct watcher, watcher, &feed->watchers, node) {
            bool is_old = now - watcher->began_ms >= life_ms;
            bool is_due = is_idle(watcher) && now - watcher->told_ms >= bookmark_ms;
            watcher->has_ended |= is_old;
            if (is_due)
                tell_own(watcher, "bookmark", feed->number);
            if (is_due || is_old)
                http_wake(watcher->http);
        }
    }
}

static void wait_for_change(struct watch *watch) {
    uint64_t until_ms = watch_now_ms() + tick_ms;
    const struct timespec until = {(time_t)(until_ms / 1000), (long)(until_ms % 1000) * 1000000};
    int code = 0;
    while (!watch->is_dirty && !watch->is_ending && code != ETIMEDOUT)
        code = list_is_empty(&watch->feeds)
                   ? pthread_cond_wait(&watch->changed, &watch->lock)
                   : pthread_cond_timedwait(&watch->changed, &watch->lock, &until);
}

static void *watch_run(void *argument) {
    struct watch *watch = argument;
    pthread_mutex_lock(&watch->lock);
    while (!watch->is_ending) {
        wait_for_change(watch);
        if (watch->is_dirty && !watch->is_ending) {
            pthread_mutex_unlock(&watch->lock);
            (void)poll(NULL, 0, gather_ms);
            pthread_mutex_lock(&watch->lock);
            watch->is_dirty = false;
            look_all(watch);
        }
        if (watch_now_ms() - watch->ticked_ms >= tick_ms)
            tick(watch);
    }
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

struct watch *watch_start(struct shell *shell, enum watch_trust trust, struct error *err) {
    struct watch *watch = memory_new(1, sizeof(*watch));
    pthread_condattr_t attributes;
    uint32_t drawn = 0;
    watch->shell = shell;
    watch->knows_who = trust == WATCH_BY_SOCKET;
    watch->feed_ids = 1;
    secret_random(&drawn, sizeof(drawn));
    text_format(watch->epoch, sizeof(watch->epoch), "%08x", drawn);
    notes_init(&watch->notes);
    list_init(&watch->feeds);
    pthread_mutex_init(&watch->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&watch->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    int code = pthread_create(&watch->thread, NULL, watch_run, watch);
    if (!code)
        return watch;
    (void)error_set(err, -code, "start a thread for those who watch: %s", strerror(code));
    watch_free(watch);
    return NULL;
}

void watch_end(struct watch *watch) {
    pthread_mutex_lock(&watch->lock);
    bool had_ended = watch->is_ending;
    watch->is_ending = true;
    pthread_cond_signal(&watch->changed);
    list_for(struct feed, feed, &watch->feeds, node)
        wake_all(feed);
    pthread_mutex_unlock(&watch->lock);
    if (!had_ended)
        pthread_join(watch->thread, NULL);
}

void watch_free(struct watch *watch) {
    notes_deinit(&watch->notes);
    pthread_cond_destroy(&watch->changed);
    pthread_mutex_destroy(&watch->lock);
    memory_free(watch);
}

/* Where `after` says; false: it is of another start, or too long ago. */
static bool find_number(const struct watch *watch, const char *after, uint64_t *out_number) {
    size_t length = strlen(watch->epoch);
    char *end;
    if (strncmp(after, watch->epoch, length) != 0 || after[length] != '-' ||
        after[length + 1] < '0' || after[length + 1] > '9')
        return false;
    errno = 0;
    *out_number = strtoull(after + length + 1, &end, 10);
    return !errno && !*end && *out_number <= watch->notes.number &&
           *out_number >= watch->notes.lost;
}

static bool is_the_same(const struct feed *feed, const struct watch_wish *wish) {
    return text_equal(feed->token_hash, wish->token_hash) && feed->rows == wish->rows &&
           memcmp(&feed->query, wish->query, sizeof(feed->query)) == 0;
}

static struct feed *find_feed(struct watch *watch, const struct watch_wish *wish,
                              uint64_t number) {
    list_for(struct feed, feed, &watch->feeds, node)
        if (!feed->has_ended && feed->from <= number && is_the_same(feed, wish))
            return feed;
    return NULL;
}

static struct feed *new_feed(struct watch *watch, const struct watch_wish *wish, uint64_t number) {
    struct feed *feed = memory_new(1, sizeof(*feed));
    struct codec_fault fault;
    feed->id = watch->feed_ids++;
    feed->epoch = watch->epoch;
    text_set_sized(feed->token_hash, sizeof(feed->token_hash), wish->token_hash);
    feed->rows = wish->rows;
    feed->is_mixed = !wish->rows;
    feed->query = *wish->query;
    feed->knows_who = watch->knows_who;
    feed->from = feed->number = number;
    feed->seen = notes_first(&watch->notes);
    while (feed->seen < watch->notes.told &&
           notes_at(&watch->notes, feed->seen)->number <= number)
        feed->seen++;
    for (enum watched kind = 0; kind < WATCHED_COUNT; kind++)
        if (feed->is_mixed || watched_kinds[kind].list == wish->list)
            feed->kinds |= 1U << kind;
    if (watch->knows_who) /* an owner's VMs and operations are stored as such, and no more */
        feed->kinds &= 1U << WATCHED_VM | 1U << WATCHED_OPERATION;
    if (wish->rows) { /* both were found right with the request */
        bool is_right = pick_make(&feed->pick, wish->rows, feed->query.fields, &fault) &&
                        filter_make(&feed->filter, &feed->query, wish->rows, &fault);
        assert(is_right);
    }
    feed->items = memory_new(feed_batch, sizeof(*feed->items));
    list_init(&feed->watchers);
    list_add(&watch->feeds, &feed->node);
    return feed;
}

void watch_join(struct watch *watch, struct watcher *watcher, const struct watch_wish *wish) {
    pthread_mutex_lock(&watch->lock);
    uint64_t number = wish->number;
    bool is_lost = wish->after[0] && !find_number(watch, wish->after, &number);
    if (is_lost)
        number = watch->notes.number;
    struct feed *feed = find_feed(watch, wish, number);
    if (!feed)
        feed = new_feed(watch, wish, number);
    *watcher = (struct watcher){.feed = feed, .http = wish->http, .began_ms = watch_now_ms()};
    watcher->next = feed->first;
    while (watcher->next < feed->next &&
           feed->events[watcher->next % feed_events]->number <= number)
        watcher->next++;
    list_add(&feed->watchers, &watcher->node);
    feed->watchers_count++;
    tell_own(watcher, is_lost ? "reset" : "bookmark", number);
    wake_thread(watch);
    pthread_mutex_unlock(&watch->lock);
}

void watch_cut(struct watch *watch, struct watcher *watcher) {
    pthread_mutex_lock(&watch->lock);
    watcher->has_ended = true;
    if (watcher->feed)
        http_wake(watcher->http);
    pthread_mutex_unlock(&watch->lock);
}

void watch_leave(struct watch *watch, struct watcher *watcher) {
    pthread_mutex_lock(&watch->lock);
    struct feed *feed = watcher->feed;
    if (feed) {
        feed_release(watcher->current);
        list_remove(&watcher->node);
        if (--feed->watchers_count == 0)
            feed_free(feed);
        *watcher = (struct watcher){0};
    }
    pthread_mutex_unlock(&watch->lock);
}

void watch_end_token(struct watch *watch, const char *token_hash) {
    pthread_mutex_lock(&watch->lock);
    list_for(struct feed, feed, &watch->feeds, node) {
        if (!text_equal(feed->token_hash, token_hash))
            continue;
        feed->has_ended = true;
        wake_all(feed);
    }
    pthread_mutex_unlock(&watch->lock);
}

static size_t copy(char *bytes, size_t room, const char *from, size_t length) {
    size_t most = length < room ? length : room;
    memcpy(bytes, from, most);
    return most;
}

/* What it is at, or the next thing for it; 0: there is nothing. */
static size_t read_some(struct watcher *watcher, char *bytes, size_t room) {
    struct feed *feed = watcher->feed;
    struct feed_event *event = watcher->current;
    size_t length;
    if (event) {
        length = copy(bytes, room, event->bytes + watcher->sent, event->length - watcher->sent);
        watcher->sent += length;
        if (watcher->sent == event->length) {
            feed_release(event);
            watcher->current = NULL;
        }
        return length;
    }
    if (watcher->own_sent == watcher->own_length && watcher->next < feed->first) {
        tell_own(watcher, "reset", feed->number);
        watcher->next = feed->next;
    }
    if (watcher->own_sent < watcher->own_length) {
        length = copy(bytes, room, watcher->own + watcher->own_sent,
                      watcher->own_length - watcher->own_sent);
        watcher->own_sent += length;
        return length;
    }
    if (watcher->next == feed->next)
        return 0;
    watcher->current = feed->events[watcher->next++ % feed_events];
    watcher->current->references++;
    watcher->sent = 0;
    watcher->told_ms = watch_now_ms();
    return read_some(watcher, bytes, room);
}

long watch_read(struct watch *watch, struct watcher *watcher, char *bytes, size_t room) {
    size_t length = 0;
    pthread_mutex_lock(&watch->lock);
    for (size_t more = 1; more && length < room; length += more)
        more = read_some(watcher, bytes + length, room - length);
    bool has_ended = watch->is_ending || watcher->has_ended || watcher->feed->has_ended;
    pthread_mutex_unlock(&watch->lock);
    return !length && has_ended ? HTTP_STREAM_ENDS : (long)length;
}

bool watch_reply(struct watch *watch, struct reply *reply) {
    if (!feed_is_handle(reply->handle))
        return false;
    pthread_mutex_lock(&watch->lock);
    list_for(struct feed, feed, &watch->feeds, node) {
        if (feed->id != feed_of_handle(reply->handle) || !feed->asked ||
            !feed_answer(feed, reply))
            continue;
        wake_all(feed);
        wake_thread(watch);
    }
    pthread_mutex_unlock(&watch->lock);
    reply_clear(reply);
    return true;
}

void watch_stored(struct watch *watch, const struct effect *effect, uint64_t number) {
    pthread_mutex_lock(&watch->lock);
    notes_add(&watch->notes, effect, number);
    pthread_mutex_unlock(&watch->lock);
}

void watch_committed(struct watch *watch, uint64_t number) {
    pthread_mutex_lock(&watch->lock);
    bool is_news = watch->notes.told < watch->notes.count;
    notes_commit(&watch->notes, number);
    if (is_news && !list_is_empty(&watch->feeds))
        wake_thread(watch);
    pthread_mutex_unlock(&watch->lock);
}
