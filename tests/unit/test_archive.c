/* The archive of what has ended: by id, whatever comes and goes in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "base/text.h"
#include "core/upstream/archive.h"

enum { many = 2000 };

/* Two of whose nothing is looked at. */
static int tenants[2];
#define tenant_of(which) ((struct tenant_entry *)(void *)&tenants[which])

static struct operation operation(unsigned number) {
    struct operation op = {0};
    text_format(op.id, sizeof(op.id), "op-%026u", number);
    text_format(op.vm, sizeof(op.vm), "vm-%026u", number % 7);
    return op;
}

/* Numbers 1 to `many` in a random order, the even ones of one tenant. */
static void fill(struct archive *archive, struct prng *prng) {
    unsigned order[many];
    for (unsigned i = 0; i < many; i++)
        order[i] = i + 1;
    for (unsigned i = many; i-- > 1;) {
        size_t other = prng_below(prng, i + 1);
        unsigned number = order[i];
        order[i] = order[other];
        order[other] = number;
    }
    for (unsigned i = 0; i < many; i++) {
        struct operation op = operation(order[i]);
        assert_true(archive_add(archive, &op, tenant_of(order[i] % 2)));
    }
}

static void what_comes_in_any_order_stands_by_its_id(void **state) {
    (void)state;
    struct archive archive = {0};
    struct prng prng;
    char id[limit_id_size];
    prng_init(&prng, 1);
    fill(&archive, &prng);
    assert_int_equal(archive_count(&archive), many);
    for (unsigned i = 0; i < many; i++) {
        struct operation op = operation(i + 1);
        archive_id(&archive.items[archive.first + i], id);
        assert_string_equal(id, op.id);
        assert_int_equal(archive_find(&archive, op.id), archive.first + i);
        assert_int_equal(archive_before(&archive, op.id), archive.first + i);
        assert_true(archive_is_of(&archive.items[archive.first + i], op.vm));
        assert_false(archive_is_of(&archive.items[archive.first + i], "vm-none"));
    }
    assert_int_equal(archive_find(&archive, operation(many + 1).id), archive.end);
    assert_int_equal(archive_find(&archive, "op-none"), archive.end);
    assert_int_equal(archive_before(&archive, ""), archive.end);
    archive_deinit(&archive);
}

static void the_oldest_of_one_go_and_the_others_stay(void **state) {
    (void)state;
    struct archive archive = {0};
    struct prng prng;
    char id[limit_id_size];
    prng_init(&prng, 2);
    fill(&archive, &prng);
    for (unsigned number = 2; number <= many; number += 2) {
        size_t at = archive_oldest(&archive, tenant_of(0));
        assert_true(at < archive.end);
        archive_id(&archive.items[at], id);
        assert_string_equal(id, operation(number).id);
        archive_remove(&archive, at);
        struct operation later = operation(many + number + 1); /* its room is used again */
        assert_true(archive_add(&archive, &later, tenant_of(1)));
    }
    assert_int_equal(archive_oldest(&archive, tenant_of(0)), archive.end);
    assert_int_equal(archive_count(&archive), many);
    for (unsigned number = 1; number <= many; number += 2)
        assert_true(archive_find(&archive, operation(number).id) < archive.end);
    assert_true(archive.capacity < 2 * many);
    archive_deinit(&archive);
}

static void an_id_that_has_no_number_stays_outside(void **state) {
    (void)state;
    struct archive archive = {0};
    struct operation op = operation(1);
    text_set(op.id, "op-z0000000000000000000000000"); /* 130 bits */
    assert_false(archive_add(&archive, &op, tenant_of(0)));
    assert_int_equal(archive_count(&archive), 0);
    archive_deinit(&archive);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_in_any_order_stands_by_its_id),
        cmocka_unit_test(the_oldest_of_one_go_and_the_others_stay),
        cmocka_unit_test(an_id_that_has_no_number_stays_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
