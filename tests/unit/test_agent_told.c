/* When an agent tells its manager what it knows: capacity, progress, results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host.h"

static int set_up(void **state) {
    (void)state;
    host_open(NULL);
    return 0;
}

static void a_capacity_that_did_not_change_is_not_told_again(void **state) {
    (void)state;
    host_tell(NULL);
    bench_pass(&bench, 500);
    assert_null(bench_told(&bench, manager, MESSAGE_CAPACITY));
    struct event host = {.kind = EVENT_HOST, .host = {{3, 4096, 50}, "test"}};
    bench_step(&bench, host);
    bench_pass(&bench, 500);
    assert_int_equal(bench_told(&bench, manager, MESSAGE_CAPACITY)->capacity.cpus_total, 3);
}

static size_t count_told(enum message_kind kind) {
    size_t count = 0;
    for (size_t i = 0; i < bench.effects.count; i++)
        count += bench.effects.items[i].kind == EFFECT_SEND &&
                 bench.effects.items[i].send.message.kind == kind;
    return count;
}

static void what_ends_in_one_turn_is_told_behind_one_capacity(void **state) {
    (void)state;
    uint64_t jobs[3];
    for (size_t i = 0; i < array_size(jobs); i++) {
        const char *number = (const char *[]){"1", "2", "3"}[i];
        bench_say(&bench, manager, bench_define(number, number, 1, &bench_shapes[0]));
        host_end_job(CODE_OK);
        jobs[i] = host_job()->job;
        host_end_job(CODE_OK);
    }
    effects_clear(&bench.effects);
    bench.is_amid_turn = true;
    for (size_t i = 0; i < array_size(jobs); i++) {
        bench.is_amid_turn = i + 1 < array_size(jobs);
        bench_step(&bench, (struct event){.kind = EVENT_JOB, .job = {jobs[i], CODE_OK}});
        assert_int_equal(count_told(MESSAGE_RESULT), bench.is_amid_turn ? 0 : 3);
    }
    assert_int_equal(count_told(MESSAGE_CAPACITY), 1);
    assert_int_equal(bench_told(&bench, manager, MESSAGE_CAPACITY)->capacity.cpus_free, 1);
    assert_int_equal(bench_last(&bench, EFFECT_SEND)->send.message.kind, MESSAGE_RESULT);
}

static void only_a_step_that_lasts_is_told_on_the_way(void **state) {
    (void)state;
    bench_say(&bench, manager, bench_define("1", "1", 1, &bench_shapes[0]));
    assert_null(bench_told(&bench, manager, MESSAGE_PROGRESS));
    const uint64_t number = host_job()->job;
    bench_pass(&bench, 900);
    effects_clear(&bench.effects);
    bench_step(&bench, (struct event){.kind = EVENT_JOB, .job = {number, CODE_OK}});
    const uint64_t next = host_job()->job;
    bench_pass(&bench, 900); /* 1,800 ms since it came, and no step of it has lasted */
    assert_null(bench_told(&bench, manager, MESSAGE_PROGRESS));
    bench_pass(&bench, 100);
    assert_int_equal(bench_told(&bench, manager, MESSAGE_PROGRESS)->progress.step,
                     STEP_PREPARING);
    bench_pass(&bench, 2000);
    assert_null(bench_told(&bench, manager, MESSAGE_PROGRESS)); /* nothing new to tell */
    assert_true(next > number);
}

#define with_agent(test) cmocka_unit_test_setup_teardown(test, set_up, cluster_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_agent(a_capacity_that_did_not_change_is_not_told_again),
        with_agent(what_ends_in_one_turn_is_told_behind_one_capacity),
        with_agent(only_a_step_that_lasts_is_told_on_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
