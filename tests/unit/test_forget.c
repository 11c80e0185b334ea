/* A cluster that is gone for good: its VMs are lost, and what waited for it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cloud.h"

static struct cloud cloud; /* of this program's only thread; each test begins with a fresh one */

static struct request forget(enum cloud_user user, const char *name) {
    struct request request = cloud_request(&cloud, user, REQUEST_CLUSTER_FORGET);
    text_set(request.key, name);
    return request;
}

static void lose_north(void) {
    bench_cut(&cloud.bench, cloud.north); /* both are on that link */
    bench_hello(&cloud.bench, cloud.south, 1);
    bench_pass(&cloud.bench, 60000);
}

static void forget_north(void) {
    struct request request = forget(cloud_operator, cloud.north->setting.name);
    const struct reply *reply = bench_ask(&cloud.bench, &request);
    assert_int_equal(reply->kind, REPLY_RECORD);
    assert_ptr_equal(reply->record.table, &node_table);
    const struct capacity *left = &((const struct node *)reply->record.data)->capacity;
    assert_int_equal(left->cpus_total + left->memory_mib_total + left->disk_gib_total, 0);
    assert_int_equal(left->cpus_free + left->fits_count, 0);
}

static void only_an_operator_forgets_and_only_what_is_away(void **state) {
    (void)state;
    struct request request = forget(cloud_operator, cloud.north->setting.name);
    cloud_assert_refused(&cloud, &request, CODE_CONFLICT, "cluster");
    lose_north();
    request = forget(cloud_alice, cloud.north->setting.name);
    cloud_assert_refused(&cloud, &request, CODE_FORBIDDEN, "");
    request = forget(cloud_operator, "nowhere");
    cloud_assert_refused(&cloud, &request, CODE_NOT_FOUND, "cluster");
}

static void its_vms_are_lost_and_can_be_deleted_without_it(void **state) {
    (void)state;
    struct message instruct;
    struct id web = cloud_run_vm(&cloud, cloud_alice, "web");
    assert_string_equal(cloud_vm(&cloud, web.text)->place, cloud.north->setting.name);
    lose_north();
    assert_int_equal(cloud_vm(&cloud, web.text)->state, VM_RUNNING);
    forget_north();
    assert_int_equal(cloud_vm(&cloud, web.text)->state, VM_LOST);
    bench_restart(&cloud.bench);
    assert_int_equal(cloud_vm(&cloud, web.text)->state, VM_LOST);
    struct request act = cloud_act(&cloud, cloud_alice, VERB_DELETE, "web");
    const struct reply *reply = bench_ask(&cloud.bench, &act);
    assert_int_equal(reply->kind, REPLY_OPERATION);
    assert_int_equal(((const struct operation *)reply->record.data)->state, OP_SUCCEEDED);
    assert_null(cloud_instructed(&cloud, &instruct));
    assert_int_equal(role_book(cloud.bench.role)->vms_count, 0);
}

static void what_waits_for_it_ends(void **state) {
    (void)state;
    (void)cloud_run_vm(&cloud, cloud_alice, "gone");
    struct request wish = cloud_wish(&cloud, cloud_alice, "new");
    wish.deadline_ms = 600000;
    text_set(wish.vm_create.placing.cluster, cloud.north->setting.name);
    struct id made = cloud_begin(&cloud, &wish);
    lose_north();
    struct request act = cloud_act(&cloud, cloud_alice, VERB_DELETE, "gone");
    act.deadline_ms = 600000;
    struct id deletion = cloud_begin(&cloud, &act);
    forget_north();
    assert_int_equal(cloud_op(&cloud, made.text)->code, CODE_LOST);
    assert_int_equal(cloud_op(&cloud, deletion.text)->code, CODE_OK);
    assert_int_equal(role_book(cloud.bench.role)->vms_count, 0);
    bench_hello(&cloud.bench, cloud.north, 2); /* it is back after all, and as good as new */
    bench_pass(&cloud.bench, 1000);
    (void)cloud_run_vm(&cloud, cloud_alice, "again");
}

#define with_cloud(test) cloud_test(test, &cloud)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_cloud(only_an_operator_forgets_and_only_what_is_away),
        with_cloud(its_vms_are_lost_and_can_be_deleted_without_it),
        with_cloud(what_waits_for_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
