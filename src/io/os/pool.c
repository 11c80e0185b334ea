/* A lane with work is in the ready list or at a worker, never both: so its work is done in
 * order, and by one worker at a time. A worker that is quick goes on to the next lane before it
 * rests. */
#include "io/os/pool.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/text.h"

enum {
    quick_ns = 5000000, /* in all, without a rest: so long may wait what came of the first batch */
    quick_most = 16,    /* batches */
};

/* A lane exists while work of it waits or is being done. In the ready list, it waits for a
 * worker; out of it, a worker is at it. */
struct lane {
    struct list ready;
    struct list works;
    char name[sizeof(((struct work *)NULL)->lane)];
};

struct pool {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    struct map lanes;
    struct list ready;
    uint32_t waiting, most;
    enum { POOL_OPEN, POOL_CLOSING } state;
    struct pool_calls calls;
    uint32_t workers;
    pthread_t threads[];
};

static void move_all(struct list *from, struct list *to) {
    struct list *node, *following;
    list_each(node, following, from) {
        list_remove(node);
        list_add(to, node);
    }
}

static uint32_t count_all(const struct list *head) {
    uint32_t count = 0;
    for (const struct list *node = head->next; node != head; node = node->next)
        count++;
    return count;
}

/* Does what waits in the first ready lane. Called, and returns, with the lock held. */
static void serve_lane(struct pool *pool) {
    struct lane *lane = container_of(pool->ready.next, struct lane, ready);
    struct list batch;
    list_remove(&lane->ready);
    list_init(&batch);
    move_all(&lane->works, &batch);
    pool->waiting -= count_all(&batch);

    pthread_mutex_unlock(&pool->lock);
    pool->calls.run(pool->calls.context, &batch);
    pthread_mutex_lock(&pool->lock);

    if (!list_is_empty(&lane->works)) {
        list_add(&pool->ready, &lane->ready);
        return;
    }
    (void)map_remove(&pool->lanes, lane->name);
    memory_free(lane);
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Does what waits in ready lanes, as long as that is quick, then rests. As serve_lane(). */
static void serve_lanes(struct pool *pool) {
    int64_t begun_ns = now_ns(), now = begun_ns;
    for (int count = 0; count < quick_most && now - begun_ns < quick_ns; count++) {
        if (list_is_empty(&pool->ready) || pool->state != POOL_OPEN)
            break;
        serve_lane(pool);
        now = now_ns();
    }
    pthread_mutex_unlock(&pool->lock);
    pool->calls.rest(pool->calls.context);
    pthread_mutex_lock(&pool->lock);
}

static void *worker(void *argument) {
    struct pool *pool = argument;
    pthread_mutex_lock(&pool->lock);
    while (pool->state == POOL_OPEN) {
        if (list_is_empty(&pool->ready))
            pthread_cond_wait(&pool->changed, &pool->lock);
        else
            serve_lanes(pool);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

struct pool *pool_new(uint32_t workers, uint32_t most, const struct pool_calls *calls,
                      struct error *err) {
    struct pool *pool = memory_new(1, sizeof(*pool) + workers * sizeof(pool->threads[0]));
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->changed, NULL);
    map_init(&pool->lanes, (uint64_t)(uintptr_t)pool);
    list_init(&pool->ready);
    pool->most = most;
    pool->calls = *calls;
    for (; pool->workers < workers; pool->workers++) {
        int failed = pthread_create(&pool->threads[pool->workers], NULL, worker, pool);
        if (failed) {
            error_set(err, -failed, "start a worker thread: %s; lower the number of workers",
                      strerror(failed));
            pool_free(pool, NULL);
            return NULL;
        }
    }
    return pool;
}

static struct lane *lane_for(struct pool *pool, const char *name) {
    struct lane *lane = map_get(&pool->lanes, name);
    if (lane)
        return lane;
    lane = memory_new(1, sizeof(*lane));
    list_init(&lane->works);
    text_set(lane->name, name);
    map_put(&pool->lanes, lane->name, lane);
    list_add(&pool->ready, &lane->ready);
    return lane;
}

static bool is_worker(const struct pool *pool) {
    for (uint32_t i = 0; i < pool->workers; i++)
        if (pthread_equal(pool->threads[i], pthread_self()))
            return true;
    return false;
}

enum pool_added pool_add(struct pool *pool, struct work *work) {
    pthread_mutex_lock(&pool->lock);
    enum pool_added added = pool->waiting < pool->most ? POOL_ADDED : POOL_FULL;
    if (added == POOL_ADDED) {
        /* A worker looks for more when it is done: what it adds first is its own. */
        bool own = list_is_empty(&pool->ready) && is_worker(pool);
        list_add(&lane_for(pool, work->lane)->works, &work->node);
        pool->waiting++;
        if (!own)
            pthread_cond_signal(&pool->changed);
    }
    pthread_mutex_unlock(&pool->lock);
    return added;
}

bool pool_has(struct pool *pool, const char *lane) {
    pthread_mutex_lock(&pool->lock);
    bool has = map_get(&pool->lanes, lane) != NULL;
    pthread_mutex_unlock(&pool->lock);
    return has;
}

void pool_end(struct pool *pool, void (*drop)(struct work *work)) {
    pthread_mutex_lock(&pool->lock);
    pool->state = POOL_CLOSING;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    for (uint32_t i = 0; i < pool->workers; i++)
        pthread_join(pool->threads[i], NULL);
    pool->workers = 0;

    struct list *node, *following;
    pthread_mutex_lock(&pool->lock);
    list_for(struct lane, lane, &pool->ready, ready) {
        list_each(node, following, &lane->works)
            drop(container_of(node, struct work, node));
        list_remove(&lane->ready);
        memory_free(lane);
    }
    map_deinit(&pool->lanes);
    pthread_mutex_unlock(&pool->lock);
}

void pool_free(struct pool *pool, void (*drop)(struct work *work)) {
    if (!pool)
        return;
    pool_end(pool, drop);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    memory_free(pool);
}
