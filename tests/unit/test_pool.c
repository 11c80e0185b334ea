/* Which thread does what in which order, and when a worker rests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/os/pool.h"

/* What the only worker did: a lane's name for each piece of work, and '.' for a rest. */
struct record {
    pthread_mutex_t lock;
    char said[200];
    sem_t gate, rests; /* work of the lane "gate" waits for the one and tells by the other */
};

static void say(struct record *record, const char *word) {
    pthread_mutex_lock(&record->lock);
    size_t used = strlen(record->said);
    text_format(record->said + used, sizeof(record->said) - used, "%s", word);
    pthread_mutex_unlock(&record->lock);
}

static void run(void *context, struct list *batch) {
    struct record *record = context;
    list_for(struct work, work, batch, node) {
        if (text_equal(work->lane, "gate"))
            (void)sem_wait(&record->gate);
        if (text_equal(work->lane, "slow"))
            (void)nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        say(record, work->lane);
        memory_free(work);
    }
}

static void rest(void *context) {
    struct record *record = context;
    say(record, ".");
    (void)sem_post(&record->rests);
}

static void drop(struct work *work) { memory_free(work); }

static void add(struct pool *pool, const char *lane) {
    struct work *work = memory_new(1, sizeof(*work));
    text_set(work->lane, lane);
    assert_int_equal(pool_add(pool, work), POOL_ADDED);
}

static bool has_said(struct record *record, const char *words) {
    pthread_mutex_lock(&record->lock);
    bool has = strstr(record->said, words) != NULL;
    pthread_mutex_unlock(&record->lock);
    return has;
}

/* The worker stands at the gate until work of both lanes waits, then says `words` (or they are
 * waited for in vain). */
static void assert_says(const char *first, const char *second, const char *words) {
    struct record record = {.lock = PTHREAD_MUTEX_INITIALIZER};
    const struct pool_calls calls = {run, rest, &record};
    struct error err = {0};
    assert_int_equal(sem_init(&record.gate, 0, 0), 0);
    assert_int_equal(sem_init(&record.rests, 0, 0), 0);
    struct pool *pool = pool_new(1, 100, &calls, &err);
    assert_non_null(pool);
    add(pool, "gate");
    assert_true(pool_has(pool, "gate"));
    add(pool, first);
    add(pool, second);
    (void)sem_post(&record.gate);
    while (!has_said(&record, words))
        (void)sem_wait(&record.rests);
    assert_false(pool_has(pool, first) || pool_has(pool, second));
    pool_free(pool, drop);
    (void)sem_destroy(&record.gate);
    (void)sem_destroy(&record.rests);
}

static void a_worker_that_finds_nothing_more_rests(void **state) {
    (void)state;
    assert_says("a", "b", "b.");
}

static void work_of_one_lane_is_done_in_order_and_at_once(void **state) {
    (void)state;
    assert_says("a", "a", "aa.");
}

static void what_lasted_is_told_before_the_next_begins(void **state) {
    (void)state;
    assert_says("slow", "a", "slow.a.");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_that_finds_nothing_more_rests),
        cmocka_unit_test(work_of_one_lane_is_done_in_order_and_at_once),
        cmocka_unit_test(what_lasted_is_told_before_the_next_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
