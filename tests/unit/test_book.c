/* The books' times and timelines. What roles do with them is tested with the roles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "core/books/book.h"

static void a_deadline_survives_a_restart_and_no_clock_stretches_it(void **state) {
    (void)state;
    const struct operation op = {.created_ms = 1000000, .deadline_ms = 1060000};
    static const struct {
        uint64_t wall_ms, left_ms;
    } cases[] = {
        {1000000, 60000}, {1020000, 40000}, {1060000, 0}, {2000000, 0},
        {0, 60000}, /* the clock jumped back: what was allowed, and not more */
    };
    struct moment moment = {.now_ms = 7};
    const struct book book = {.moment = &moment};
    for (size_t i = 0; i < array_size(cases); i++) {
        moment.wall_ms = cases[i].wall_ms;
        assert_int_equal(book_deadline_ms(&book, &op), 7 + cases[i].left_ms);
    }
    const struct operation broken = {.created_ms = 1000000, .deadline_ms = 5};
    assert_int_equal(book_deadline_ms(&book, &broken), 7);
}

static void the_wait_between_tries_doubles_up_to_a_minute_with_a_fifth_of_jitter(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 1);
    for (uint32_t attempts = 0; attempts < 40; attempts++) {
        uint64_t wait = attempts < 6 ? 1000ULL << attempts : 60000, least = wait * 2, most = 0;
        for (size_t i = 0; i < 500; i++) {
            uint64_t drawn = book_backoff_ms(attempts, &prng);
            least = drawn < least ? drawn : least;
            most = drawn > most ? drawn : most;
        }
        assert_in_range(least, wait - wait / 10, wait - wait / 20);
        assert_in_range(most, wait + wait / 20, wait + wait / 10);
    }
}

static void a_timeline_holds_each_step_once(void **state) {
    (void)state;
    struct book_op op = {.record.state = OP_PENDING};
    for (size_t round = 0; round < 3; round++)
        for (enum step step = STEP_ACCEPTED; step <= STEP_ENDED; step++)
            book_step(&op, step, round * 100 + step);
    assert_int_equal(op.record.timeline_count, STEP_ENDED);
    for (uint32_t i = 0; i < op.record.timeline_count; i++) {
        assert_int_equal(op.record.timeline[i].step, i + 1);
        assert_int_equal(op.record.timeline[i].at_ms, i + 1);
    }
    record_clear(&operation_table, &op.record);
}

static bool tell(struct book_op *op, enum step step, enum code code) {
    return book_tell(op, &(struct timeline_entry){.step = step, .code = code});
}

static void a_step_is_told_again_after_a_wait_or_a_refusal(void **state) {
    (void)state;
    struct book_op op = {.record.state = OP_PENDING};
    assert_true(tell(&op, STEP_INSTRUCTED, CODE_OK));
    assert_false(tell(&op, STEP_INSTRUCTED, CODE_OK));
    assert_true(tell(&op, STEP_WAITING, CODE_UNREACHABLE));
    assert_false(tell(&op, STEP_WAITING, CODE_UNREACHABLE));
    assert_int_equal(op.record.step, STEP_INSTRUCTED); /* neither is one that it goes through */
    assert_true(tell(&op, STEP_INSTRUCTED, CODE_OK));
    assert_true(tell(&op, STEP_WAITING, CODE_UNREACHABLE));
    assert_true(tell(&op, STEP_REFUSED, CODE_FULL));
    assert_true(tell(&op, STEP_INSTRUCTED, CODE_OK));
    record_clear(&operation_table, &op.record);
}

static void a_full_timeline_has_room_for_refusals_and_the_end(void **state) {
    (void)state;
    struct book_op op = {.record.state = OP_PENDING};
    for (size_t i = 0; i < limit_timeline; i++) {
        (void)tell(&op, STEP_INSTRUCTED, CODE_OK);
        (void)tell(&op, STEP_WAITING, CODE_UNREACHABLE);
    }
    assert_false(tell(&op, STEP_FETCHING, CODE_OK));
    assert_int_equal(op.record.step, STEP_FETCHING); /* which is known all the same */
    for (size_t i = 0; i < limit_refusals; i++)
        assert_true(tell(&op, STEP_REFUSED, CODE_FULL));
    assert_true(tell(&op, STEP_ENDED, CODE_FULL));
    assert_int_equal(op.record.timeline_count, limit_timeline);
    record_clear(&operation_table, &op.record);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deadline_survives_a_restart_and_no_clock_stretches_it),
        cmocka_unit_test(the_wait_between_tries_doubles_up_to_a_minute_with_a_fifth_of_jitter),
        cmocka_unit_test(a_timeline_holds_each_step_once),
        cmocka_unit_test(a_step_is_told_again_after_a_wait_or_a_refusal),
        cmocka_unit_test(a_full_timeline_has_room_for_refusals_and_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
