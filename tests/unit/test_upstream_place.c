/* Where the upstream manager has a VM made: which cluster is asked, and who is asked next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cloud.h"

static struct cloud cloud; /* of this program's only thread; each test begins with a fresh one */

static int set_up(void **state) {
    (void)state;
    cloud_init(&cloud);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    cloud_deinit(&cloud);
    return 0;
}

static void assert_refusals(const char *op, uint32_t count, const struct refusal *wanted) {
    const struct operation *record = cloud_op(&cloud, op);
    assert_int_equal(record->refusals_count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_string_equal(record->refusals[i].place, wanted[i].place);
        assert_int_equal(record->refusals[i].code, wanted[i].code);
    }
}

static void each_refusal_leads_to_the_next_cluster(void **state) {
    (void)state;
    static const enum code refusals[] = {CODE_NO_CAPACITY, CODE_NOT_ALLOWED, CODE_FULL,
                                         CODE_UNSUPPORTED, CODE_SHUTTING_DOWN};
    for (size_t i = 0; i < array_size(refusals); i++) {
        struct message first, second;
        struct request wish = cloud_wish(&cloud, cloud_alice, "web");
        struct id op = cloud_begin(&cloud, &wish);
        assert_ptr_equal(cloud_instructed(&cloud, &first), cloud.north);
        cloud_answer(&cloud, refusals[i], VM_FAILED);
        assert_ptr_equal(cloud_instructed(&cloud, &second), cloud.south);
        assert_string_equal(second.instruct.op, op.text);
        assert_string_equal(second.instruct.vm, first.instruct.vm);
        assert_true(second.instruct.epoch > first.instruct.epoch);
        assert_true(second.instruct.generation > first.instruct.generation);
        assert_string_equal(second.instruct.definition.name, "web");
        bench_say(&cloud.bench, cloud.south, bench_result(&second, CODE_OK, VM_RUNNING));
        assert_int_equal(cloud_op(&cloud, op.text)->state, OP_SUCCEEDED);
        assert_string_equal(cloud_vm(&cloud, second.instruct.vm)->place, "agent-1");
        assert_refusals(op.text, 1, &(struct refusal){.place = "agent-0", .code = refusals[i]});
        struct request gone = cloud_act(&cloud, cloud_alice, VERB_DELETE, "web");
        (void)cloud_begin(&cloud, &gone);
        cloud_answer(&cloud, CODE_OK, VM_DELETED);
    }
}

static void when_none_is_left_the_end_names_each_reason(void **state) {
    (void)state;
    static const struct refusal both[] = {{.place = "agent-0", .code = CODE_NOT_ALLOWED},
                                          {.place = "agent-1", .code = CODE_NO_CAPACITY}};
    for (size_t i = 0; i < 2; i++) { /* the last reason alone would be as good as any */
        struct request wish = cloud_wish(&cloud, cloud_alice, "web");
        struct id op = cloud_begin(&cloud, &wish);
        cloud_answer(&cloud, both[0].code, VM_FAILED);
        cloud_answer(&cloud, both[i].code, VM_FAILED);
        assert_int_equal(cloud_op(&cloud, op.text)->code,
                         i ? CODE_NO_CAPACITY : CODE_NOT_ALLOWED);
        assert_int_equal(role_book(cloud.bench.role)->vms_count, 0);
        if (i)
            assert_refusals(op.text, 2, both);
        bench_say(&cloud.bench, cloud.north, /* nobody's reservation is left */
                  (struct message){.kind = MESSAGE_BEAT});
    }
}

static void a_fault_is_no_refusal(void **state) {
    (void)state;
    static const enum code faults[] = {CODE_HOST_FAILED, CODE_IMAGE_BROKEN, CODE_DEADLINE};
    for (size_t i = 0; i < array_size(faults); i++) {
        struct message next;
        struct request wish = cloud_wish(&cloud, cloud_alice, "web");
        struct id op = cloud_begin(&cloud, &wish);
        cloud_answer(&cloud, faults[i], VM_FAILED);
        assert_null(cloud_instructed(&cloud, &next));
        assert_int_equal(cloud_op(&cloud, op.text)->code, faults[i]);
        assert_refusals(op.text, 0, NULL);
    }
}

static void a_refusal_by_the_wanted_cluster_is_the_end(void **state) {
    (void)state;
    struct message next;
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    (void)text_copy(wish.vm_create.cluster, limit_name_size, "agent-1");
    struct id op = cloud_begin(&cloud, &wish);
    cloud_answer(&cloud, CODE_NO_CAPACITY, VM_FAILED);
    assert_null(cloud_instructed(&cloud, &next));
    assert_int_equal(cloud_op(&cloud, op.text)->code, CODE_NO_CAPACITY);
}

static void who_refused_is_known_after_a_restart(void **state) {
    (void)state;
    struct message next;
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    struct id op = cloud_begin(&cloud, &wish);
    cloud_answer(&cloud, CODE_NO_CAPACITY, VM_FAILED);
    bench_restart(&cloud.bench);
    bench_hello(&cloud.bench, cloud.north, 2);
    assert_null(cloud_instructed(&cloud, &next));
    bench_hello(&cloud.bench, cloud.south, 1);
    bench_pass(&cloud.bench, 1);
    struct message again = {.kind = MESSAGE_INSTRUCT};
    (void)text_copy(again.instruct.op, limit_id_size, op.text);
    (void)text_copy(again.instruct.vm, limit_id_size, cloud_op(&cloud, op.text)->vm);
    again.instruct.generation = cloud_vm(&cloud, again.instruct.vm)->place_generation;
    bench_say(&cloud.bench, cloud.south, bench_result(&again, CODE_NO_CAPACITY, VM_FAILED));
    assert_int_equal(cloud_op(&cloud, op.text)->code, CODE_NO_CAPACITY); /* north is not asked */
    assert_int_equal(cloud_op(&cloud, op.text)->refusals_count, 2);
}

#define with_cloud(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_cloud(each_refusal_leads_to_the_next_cluster),
        with_cloud(when_none_is_left_the_end_names_each_reason),
        with_cloud(a_fault_is_no_refusal),
        with_cloud(a_refusal_by_the_wanted_cluster_is_the_end),
        with_cloud(who_refused_is_known_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
