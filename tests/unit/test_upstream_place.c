/* Where the upstream manager has a VM made: which cluster is asked, and who is asked next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cloud.h"

static struct cloud cloud; /* of this program's only thread; each test begins with a fresh one */

/* The refusals in its timeline. */
static void assert_refusals(const char *op, uint32_t count, const struct timeline_entry *wanted) {
    const struct operation *record = cloud_op(&cloud, op);
    uint32_t found = 0;
    for (uint32_t i = 0; i < record->timeline_count; i++) {
        const struct timeline_entry *entry = &record->timeline[i];
        if (entry->step != STEP_REFUSED)
            continue;
        assert_true(found < count);
        assert_string_equal(entry->place, wanted[found].place);
        assert_int_equal(entry->code, wanted[found++].code);
    }
    assert_int_equal(found, count);
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
        assert_refusals(op.text, 1,
                        &(struct timeline_entry){.place = "agent-0", .code = refusals[i]});
        struct request gone = cloud_act(&cloud, cloud_alice, VERB_DELETE, "web");
        (void)cloud_begin(&cloud, &gone);
        cloud_answer(&cloud, CODE_OK, VM_DELETED);
    }
}

static void when_none_is_left_the_end_names_each_reason(void **state) {
    (void)state;
    static const struct timeline_entry both[] = {{.place = "agent-0", .code = CODE_NOT_ALLOWED},
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
    text_set(wish.vm_create.placing.cluster, "agent-1");
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
    text_set(again.instruct.op, op.text);
    text_set(again.instruct.vm, cloud_op(&cloud, op.text)->vm);
    again.instruct.generation = cloud_vm(&cloud, again.instruct.vm)->place_generation;
    bench_say(&cloud.bench, cloud.south, bench_result(&again, CODE_NO_CAPACITY, VM_FAILED));
    assert_int_equal(cloud_op(&cloud, op.text)->code, CODE_NO_CAPACITY); /* north is not asked */
    static const struct timeline_entry both[] = {{.place = "agent-0", .code = CODE_NO_CAPACITY},
                                                 {.place = "agent-1", .code = CODE_NO_CAPACITY}};
    assert_refusals(op.text, 2, both);
}

static struct request wish_for(const char *name, const char *group, enum group_rule rule) {
    struct request wish = cloud_wish(&cloud, cloud_alice, name);
    text_set(wish.vm_create.group, group);
    wish.vm_create.placing.rule = rule;
    return wish;
}

/* Asks, and tells which cluster was instructed. */
static struct far *asked(const struct request *wish, struct message *out_instruct) {
    (void)cloud_begin(&cloud, wish);
    return cloud_instructed(&cloud, out_instruct);
}

static void assert_unmet(const struct request *wish, const char *field, const char *words) {
    cloud_assert_refused(&cloud, wish, CODE_UNMET, field);
    assert_string_equal(bench_ask(&cloud.bench, wish)->text, words);
}

static void labels_that_it_must_have_decide_and_the_missing_one_is_named(void **state) {
    (void)state;
    static char south[] = "region=eu,zone=b", none[] = "region=eu,disk=ssd,tier=gold";
    struct message instruct;
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    wish.vm_create.placing.must = south;
    assert_ptr_equal(asked(&wish, &instruct), cloud.south); /* north has more room */
    wish = cloud_wish(&cloud, cloud_alice, "more");
    wish.vm_create.placing.must = south;
    cloud_assert_refused(&cloud, &wish, CODE_NO_CAPACITY, "shape");
    assert_string_equal(bench_ask(&cloud.bench, &wish)->text,
                        "no cluster of those that you ask for has room for a VM of shape "
                        "'small' now");
    wish.vm_create.placing.must = none;
    assert_unmet(&wish, "must", "no cluster has 'region=eu,disk=ssd,tier=gold'");
    text_set(wish.vm_create.placing.cluster, "agent-1");
    assert_unmet(&wish, "must", "cluster agent-1 has not all of "
                                "'region=eu,disk=ssd,tier=gold'");
}

static void labels_of_any_length_are_refused_in_words(void **state) {
    (void)state;
    char must[limit_labels + 1] = "";
    for (int i = 0; i < 31; i++)
        text_format(must + strlen(must), sizeof(must) - strlen(must), "%sa%02d=bcd", i ? "," : "",
                    i);
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    wish.vm_create.placing.must = must;
    cloud_assert_refused(&cloud, &wish, CODE_UNMET, "must");
    text_set(wish.vm_create.placing.cluster, "agent-1");
    cloud_assert_refused(&cloud, &wish, CODE_UNMET, "must");
}

static void labels_that_it_should_have_decide_while_there_is_room(void **state) {
    (void)state;
    static char zone_b[] = "zone=b", ssd[] = "disk=ssd";
    for (int i = 0; i < 2; i++) {
        struct message instruct;
        struct request wish = cloud_wish(&cloud, cloud_alice, i ? "two" : "one");
        wish.vm_create.placing.prefer = zone_b;
        wish.vm_create.placing.avoid = ssd;
        assert_ptr_equal(asked(&wish, &instruct), i ? cloud.north : cloud.south);
    }
}

static void packing_takes_the_cluster_with_least_room(void **state) {
    (void)state;
    struct message instruct;
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    wish.vm_create.placing.strategy = STRATEGY_PACK;
    assert_ptr_equal(asked(&wish, &instruct), cloud.south);
}

static void a_group_stays_together(void **state) {
    (void)state;
    static char zone_b[] = "zone=b";
    struct message instruct;
    for (int i = 0; i < 2; i++) {
        struct request wish = wish_for(i ? "two" : "one", "web", GROUP_TOGETHER);
        assert_ptr_equal(asked(&wish, &instruct), cloud.north);
    }
    struct request wish = wish_for("three", "web", GROUP_TOGETHER);
    cloud_assert_refused(&cloud, &wish, CODE_NO_CAPACITY, "shape");
    wish.vm_create.placing.must = zone_b;
    assert_unmet(&wish, "group_rule", "group 'web' is in no cluster that you ask for");
}

static void a_group_is_kept_apart_over_clusters_after_a_restart_too(void **state) {
    (void)state;
    struct message instruct;
    struct request wish = wish_for("one", "web", GROUP_APART_CLUSTERS);
    assert_ptr_equal(asked(&wish, &instruct), cloud.north);
    bench_restart(&cloud.bench);
    bench_hello(&cloud.bench, cloud.north, 2);
    bench_hello(&cloud.bench, cloud.south, 1);
    wish = wish_for("two", "web", GROUP_APART_CLUSTERS);
    assert_ptr_equal(asked(&wish, &instruct), cloud.south);
    wish = wish_for("three", "web", GROUP_APART_CLUSTERS);
    assert_unmet(&wish, "group_rule",
                 "each cluster that you ask for has a VM of group 'web' already");
    wish = wish_for("three", "other", GROUP_APART_CLUSTERS); /* nobody is in the way of another */
    (void)cloud_begin(&cloud, &wish);
}

static void those_below_know_a_group_by_an_id_that_says_nothing(void **state) {
    (void)state;
    struct message first, second, other;
    struct request one = wish_for("one", "secret", GROUP_APART);
    struct request two = wish_for("two", "secret", GROUP_ANYHOW);
    struct request bobs = cloud_wish(&cloud, cloud_bob, "one");
    text_set(bobs.vm_create.group, "secret");
    (void)asked(&one, &first);
    (void)asked(&two, &second);
    (void)asked(&bobs, &other);
    assert_true(text_starts(first.instruct.definition.group, "gr-"));
    assert_string_equal(second.instruct.definition.group, first.instruct.definition.group);
    assert_string_not_equal(other.instruct.definition.group, first.instruct.definition.group);
    assert_true(first.instruct.definition.apart);
    assert_false(second.instruct.definition.apart);
}

static void encoded_data_go_to_who_understands_them_and_stand_alone(void **state) {
    (void)state;
    static char base64[] = "H4sI", text[] = "#cloud-config";
    struct message instruct;
    cloud.north->is_old = true;
    bench_cut(&cloud.bench, cloud.north);
    bench_hello(&cloud.bench, cloud.north, 2); /* it has more room */
    bench_hello(&cloud.bench, cloud.south, 1);
    struct request wish = cloud_wish(&cloud, cloud_alice, "one");
    wish.vm_create.user_data_base64 = base64;
    assert_ptr_equal(asked(&wish, &instruct), cloud.south);
    assert_string_equal(instruct.instruct.definition.user_data_base64, base64);
    cloud_answer(&cloud, CODE_OK, VM_RUNNING);
    wish = cloud_wish(&cloud, cloud_alice, "two");
    wish.vm_create.user_data_base64 = base64;
    text_set(wish.vm_create.placing.cluster, cloud.north->setting.name);
    cloud_assert_refused(&cloud, &wish, CODE_UNSUPPORTED, "user_data_base64");
    wish.vm_create.user_data = text;
    cloud_assert_refused(&cloud, &wish, CODE_INVALID, "user_data_base64");
    struct request rebuild = cloud_act(&cloud, cloud_alice, VERB_REBUILD, "one");
    rebuild.reshape.user_data_base64 = base64;
    (void)asked(&rebuild, &instruct);
    assert_string_equal(instruct.instruct.definition.user_data_base64, base64);
    cloud_answer(&cloud, CODE_OK, VM_RUNNING);
    cloud.south->is_old = true;
    bench_cut(&cloud.bench, cloud.south);
    bench_hello(&cloud.bench, cloud.south, 1);
    cloud_assert_refused(&cloud, &rebuild, CODE_UNSUPPORTED, "user_data_base64");
}

static void a_rule_needs_a_group(void **state) {
    (void)state;
    struct request wish = wish_for("one", "", GROUP_APART);
    cloud_assert_refused(&cloud, &wish, CODE_INVALID, "group_rule");
}

#define with_cloud(test) cloud_test(test, &cloud)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_cloud(each_refusal_leads_to_the_next_cluster),
        with_cloud(when_none_is_left_the_end_names_each_reason),
        with_cloud(a_fault_is_no_refusal),
        with_cloud(a_refusal_by_the_wanted_cluster_is_the_end),
        with_cloud(who_refused_is_known_after_a_restart),
        with_cloud(labels_that_it_must_have_decide_and_the_missing_one_is_named),
        with_cloud(labels_of_any_length_are_refused_in_words),
        with_cloud(labels_that_it_should_have_decide_while_there_is_room),
        with_cloud(packing_takes_the_cluster_with_least_room),
        with_cloud(a_group_stays_together),
        with_cloud(a_group_is_kept_apart_over_clusters_after_a_restart_too),
        with_cloud(those_below_know_a_group_by_an_id_that_says_nothing),
        with_cloud(encoded_data_go_to_who_understands_them_and_stand_alone),
        with_cloud(a_rule_needs_a_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
