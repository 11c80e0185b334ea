/* Copies in a manager's books: the newest stay, one that is known keeps its time, and what is told
 * is never younger than it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/books/copies.h"

static void add(struct vm *vm, uint64_t number, uint64_t made_ms, const char *root) {
    struct copy copy = {.number = number, .made_ms = made_ms, .bytes = number};
    text_set(copy.root, root);
    copies_add(vm, &copy);
}

static void clear(struct facts *facts) { memory_clean(&facts->copies); }

static void the_newest_stay(void **state) {
    (void)state;
    struct vm vm = {.id = "vm"};
    for (uint64_t number = 1; number <= 5; number++)
        add(&vm, number, 1000 * number, "r");
    assert_int_equal(vm.copies_count, limit_copies);
    assert_int_equal(vm.copies[0].number, 4);
    assert_int_equal(vm.copies[1].number, 5);
    copies_drop(&vm);
    assert_int_equal(vm.copies_count, 0);
    assert_null(vm.copies);
}

static void what_is_told_is_late_and_no_younger_for_that(void **state) {
    (void)state;
    struct vm here = {.id = "vm"}, above = {.id = "vm"};
    struct facts facts = {0};
    add(&here, 7, 10000, "r");
    copies_tell(&here, 15000, 300, &facts);
    assert_int_equal(facts.copies[0].ago_ms, 5300);
    /* The clock above is another one, and the word was 200 ms on its way. */
    assert_true(copies_learn(&above, &facts, 1015200));
    assert_int_equal(above.copies[0].made_ms, 1009900);
    assert_int_equal(above.copies[0].number, 7);
    assert_string_equal(above.copies[0].root, "");
    clear(&facts);
    facts = (struct facts){0};
    copies_tell(&here, 99000, 300, &facts); /* a clock that has jumped */
    assert_false(copies_learn(&above, &facts, 1020000));
    assert_int_equal(above.copies[0].made_ms, 1009900);
    clear(&facts);
    assert_true(copies_learn(&above, &(struct facts){0}, 1030000));
    assert_int_equal(above.copies_count, 0);
    copies_drop(&here);
}

static void that_none_is_left_is_told_until_it_is_so_no_more(void **state) {
    (void)state;
    struct book_op op = {0};
    struct book_vm here = {.record = {.id = "vm", .digest = "i"}};
    struct vm above = {.id = "vm"};
    assert_false(copies_are_lacking(&here)); /* it runs, and nobody has copied it yet */
    here.stored.restores = true;
    assert_true(copies_are_lacking(&here));
    here.active = &op;
    assert_true(copies_are_lacking(&here));
    text_set(op.record.copy.token, "t");
    assert_false(copies_are_lacking(&here)); /* a host makes its disk of one */
    op.record.copy.token[0] = 0;
    struct copy copy = {.number = 1, .root = "r", .image = "i"};
    copies_add(&here.record, &copy);
    assert_false(copies_are_lacking(&here));
    copies_drop(&here.record);
    here.stored.restores = false;
    here.record.lacks_copy = true; /* as a manager below says */
    assert_true(copies_are_lacking(&here));
    assert_true(copies_learn(&above, &(struct facts){.lacks_copy = true}, 1000));
    assert_true(above.lacks_copy);
    assert_false(copies_learn(&above, &(struct facts){.lacks_copy = true}, 2000));
    assert_true(copies_learn(&above, &(struct facts){0}, 3000));
    assert_false(above.lacks_copy);
}

static void copies_of_a_place_go_with_it_and_our_own_stay(void **state) {
    (void)state;
    struct vm vm = {.id = "vm"};
    add(&vm, 1, 1, "");
    add(&vm, 2, 2, "r");
    copies_leave(&vm);
    assert_int_equal(vm.copies_count, 1);
    assert_int_equal(vm.copies[0].number, 2);
    vm.copies[0].root[0] = 0;
    copies_leave(&vm);
    assert_int_equal(vm.copies_count, 0);
    assert_null(vm.copies);
}

static void the_newest_is_one_of_the_disk_that_is_here(void **state) {
    (void)state;
    struct vm vm = {.id = "vm", .digest = "image"};
    assert_null(copies_newest(&vm));
    add(&vm, 1, 1, "r");
    assert_null(copies_newest(&vm)); /* of which image nobody knows */
    text_set(vm.copies[0].image, "image");
    assert_int_equal(copies_newest(&vm)->number, 1);
    add(&vm, 2, 2, "");
    text_set(vm.copies[1].image, "image");
    assert_null(copies_newest(&vm)); /* it is where the VM was */
    text_set(vm.copies[1].root, "r");
    assert_int_equal(copies_newest(&vm)->number, 2);
    text_set(vm.digest, "another"); /* it was rebuilt */
    assert_null(copies_newest(&vm));
    copies_drop(&vm);
}

static void one_that_is_put_aside_leaves_the_others(void **state) {
    (void)state;
    struct vm vm = {.id = "vm"};
    add(&vm, 1, 1, "older");
    add(&vm, 2, 2, "newer");
    copies_put_aside(&vm, "unknown");
    assert_int_equal(vm.copies_count, 2);
    copies_put_aside(&vm, "newer");
    assert_int_equal(vm.copies_count, 1);
    assert_int_equal(vm.copies[0].number, 1);
    copies_put_aside(&vm, "older");
    assert_null(vm.copies);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_stay),
        cmocka_unit_test(what_is_told_is_late_and_no_younger_for_that),
        cmocka_unit_test(the_newest_is_one_of_the_disk_that_is_here),
        cmocka_unit_test(one_that_is_put_aside_leaves_the_others),
        cmocka_unit_test(that_none_is_left_is_told_until_it_is_so_no_more),
        cmocka_unit_test(copies_of_a_place_go_with_it_and_our_own_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
