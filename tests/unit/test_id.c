/* Ids: sorted by age, unique, of a form that every level can check. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "message/id.h"

static void ids_of_one_maker_grow_whatever_the_clock_does(void **state) {
    (void)state;
    struct id_maker maker = {0};
    struct prng clock;
    prng_init(&maker.prng, 1);
    prng_init(&clock, 2);
    char last[limit_id_size] = "";
    uint64_t wall_ms = 1795000000000;
    for (size_t i = 0; i < 20000; i++) {
        wall_ms += prng_below(&clock, 5) - 2; /* forward, standing, backward */
        if (i == 10000)
            wall_ms -= 3600000;
        struct id id = id_make(&maker, "vm", wall_ms);
        assert_true(id_is_valid(id.text));
        assert_true(text_starts(id.text, "vm-"));
        assert_true(strcmp(last, id.text) < 0); /* so they are unique, too */
        memcpy(last, id.text, sizeof(last));
    }
}

static void ids_carry_over_when_their_low_bits_are_used_up(void **state) {
    (void)state;
    struct id_maker maker = {.last_ms = 5, .high = 0x7fff, .low = UINT64_MAX};
    struct id before = {""};
    maker.low--;
    for (size_t i = 0; i < 4; i++) {
        struct id id = id_make(&maker, "op", 5);
        assert_true(strcmp(before.text, id.text) < 0);
        before = id;
    }
    assert_int_equal(maker.high, 0x8000);
}

static void makers_with_other_seeds_make_other_ids(void **state) {
    (void)state;
    struct id_maker left = {0}, right = {0};
    prng_init(&left.prng, 1);
    prng_init(&right.prng, 2);
    for (uint64_t i = 1; i < 1000; i++)
        assert_string_not_equal(id_make(&left, "vm", i).text, id_make(&right, "vm", i).text);
}

static void an_id_shows_its_time_in_its_first_ten_digits(void **state) {
    (void)state;
    struct id_maker maker = {0};
    assert_true(text_starts(id_make(&maker, "vm", 1).text, "vm-0000000001"));
    assert_true(text_starts(id_make(&maker, "vm", 32).text, "vm-0000000010"));
    assert_true(text_starts(id_make(&maker, "vm", (1ULL << 48) - 1).text, "vm-7zzzzzzzzz"));
}

static void what_is_no_id_is_refused(void **state) {
    (void)state;
    static const char *const good[] = {
        "vm-01jd2q0c5v7k8m9n0p1q2r3s4t", "a-00000000000000000000000000",
        "abcdefgh-zzzzzzzzzzzzzzzzzzzzzzzzzz"};
    static const char *const bad[] = {
        "", "-", "vm", "vm-", "-01jd2q0c5v7k8m9n0p1q2r3s4t", "vm01jd2q0c5v7k8m9n0p1q2r3s4t",
        "vm-01jd2q0c5v7k8m9n0p1q2r3s4", "vm-01jd2q0c5v7k8m9n0p1q2r3s4tt",
        "VM-01jd2q0c5v7k8m9n0p1q2r3s4t", "vm-01JD2Q0C5V7K8M9N0P1Q2R3S4T",
        "vm-i1jd2q0c5v7k8m9n0p1q2r3s4t", "vm-l1jd2q0c5v7k8m9n0p1q2r3s4t",
        "vm-o1jd2q0c5v7k8m9n0p1q2r3s4t", "vm-u1jd2q0c5v7k8m9n0p1q2r3s4t",
        "vm-01jd2q0c5v7k8m9n0p1q2r3s4 ", "v1-01jd2q0c5v7k8m9n0p1q2r3s4t",
        "abcdefghi-01jd2q0c5v7k8m9n0p1q2r3s4t", "vm-01jd2q0c5v7k8m9n0p1q2r3s4t\n"};
    for (size_t i = 0; i < array_size(good); i++)
        assert_true(id_is_valid(good[i]));
    for (size_t i = 0; i < array_size(bad); i++)
        assert_false(id_is_valid(bad[i]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_of_one_maker_grow_whatever_the_clock_does),
        cmocka_unit_test(ids_carry_over_when_their_low_bits_are_used_up),
        cmocka_unit_test(makers_with_other_seeds_make_other_ids),
        cmocka_unit_test(an_id_shows_its_time_in_its_first_ten_digits),
        cmocka_unit_test(what_is_no_id_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
