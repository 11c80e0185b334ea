/* When a turn's transaction is committed: what leaves, and how much time has passed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "core/turn.h"

/* Ends a turn of these effects, and commits where it must; did it? */
static bool ends(struct turn *turn, uint64_t now_ms, const enum effect_kind *kinds, size_t count) {
    struct effects effects = {0};
    for (size_t i = 0; i < count; i++)
        (void)effects_add(&effects, kinds[i]);
    bool must = turn_must_commit(turn, &effects, now_ms);
    if (must)
        turn_close(turn);
    for (size_t i = 0; i < count; i++)
        effects.items[i].kind = EFFECT_READY; /* none of them owns anything */
    effects_deinit(&effects);
    return must;
}

static bool ends_with(struct turn *turn, uint64_t now_ms, enum effect_kind first,
                      enum effect_kind second) {
    return ends(turn, now_ms, (const enum effect_kind[]){first, second}, 2);
}

static struct turn new_turn(void) {
    struct turn turn;
    turn_init(&turn);
    return turn;
}

static void what_leaves_is_committed_before(void **state) {
    static const enum effect_kind leaving[] = {
        EFFECT_SEND, EFFECT_ACKNOWLEDGE, EFFECT_REPLY, EFFECT_JOB, EFFECT_READY, EFFECT_DONE,
        EFFECT_PIN, EFFECT_PIN_NEXT, EFFECT_JOIN, EFFECT_JOINED,
    };
    (void)state;
    for (size_t i = 0; i < array_size(leaving); i++) {
        struct turn turn = new_turn();
        assert_true(ends_with(&turn, 1000, EFFECT_SAVE, leaving[i]));
        assert_true(ends_with(&turn, 1000, leaving[i], EFFECT_FORGET));
        assert_false(turn.is_open);
    }
}

static void what_stays_waits(void **state) {
    static const enum effect_kind staying[] = {EFFECT_IMAGE, EFFECT_NOTE, EFFECT_ROUTE};
    (void)state;
    for (size_t i = 0; i < array_size(staying); i++) {
        struct turn turn = new_turn();
        assert_false(ends_with(&turn, 1000, EFFECT_SAVE, staying[i]));
        assert_true(turn.is_open);
        assert_int_equal(turn.due_ms, 1000 + turn_commit_ms);
    }
}

static void a_later_turn_commits_what_an_earlier_one_left(void **state) {
    struct turn turn = new_turn();
    (void)state;
    assert_false(ends_with(&turn, 1000, EFFECT_SAVE, EFFECT_NOTE));
    assert_true(ends_with(&turn, 1001, EFFECT_NOTE, EFFECT_SEND));
}

static void what_waits_is_committed_in_time(void **state) {
    struct turn turn = new_turn();
    (void)state;
    assert_false(ends_with(&turn, 1000, EFFECT_SAVE, EFFECT_NOTE));
    assert_false(ends_with(&turn, 1000 + turn_commit_ms - 1, EFFECT_SAVE, EFFECT_NOTE));
    assert_true(ends(&turn, 1000 + turn_commit_ms, NULL, 0));
    assert_int_equal(turn.due_ms, UINT64_MAX);
}

static void without_a_transaction_nothing_is_committed(void **state) {
    struct turn turn = new_turn();
    (void)state;
    assert_false(ends_with(&turn, 1000, EFFECT_SEND, EFFECT_REPLY));
    assert_false(ends(&turn, UINT64_MAX - 1, NULL, 0));
    assert_false(turn.is_open);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_leaves_is_committed_before),
        cmocka_unit_test(what_stays_waits),
        cmocka_unit_test(a_later_turn_commits_what_an_earlier_one_left),
        cmocka_unit_test(what_waits_is_committed_in_time),
        cmocka_unit_test(without_a_transaction_nothing_is_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
