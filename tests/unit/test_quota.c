/* Quotas: what a tenant's VMs may have, counted from their admission to their true end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cloud.h"

static struct cloud cloud; /* of this program's only thread; each test begins with a fresh one */

static struct account ask_account(const struct request *request) {
    const struct reply *reply = bench_ask(&cloud.bench, request);
    assert_non_null(reply);
    assert_int_equal(reply->kind, REPLY_RECORD);
    assert_ptr_equal(reply->record.table, &account_table);
    return *(const struct account *)reply->record.data;
}

static struct account account(enum cloud_user user) {
    struct request request = cloud_request(&cloud, user, REQUEST_TENANT_SHOW);
    text_set(request.key, "alice");
    return ask_account(&request);
}

static void set_quota(struct amounts quota) {
    struct request request = cloud_request(&cloud, cloud_operator, REQUEST_TENANT_QUOTA);
    text_set(request.key, "alice");
    request.limits = quota;
    struct account account = ask_account(&request);
    assert_memory_equal(&account.quota, &quota, sizeof(quota));
}

static void assert_used(uint64_t vms) {
    struct amounts used = account(cloud_operator).used;
    assert_int_equal(used.vms, vms);
    assert_int_equal(used.cpus, vms);
    assert_int_equal(used.memory_mib, vms * 512);
    assert_int_equal(used.disk_gib, vms * 5);
}

static void each_quota_refuses_by_its_name_and_numbers(void **state) {
    (void)state;
    static const struct {
        struct amounts quota;
        const char *words;
    } cases[] = {
        {{.vms = 1}, "your quota is 1 VMs, of which 1 are used; this VM would take 1 more"},
        {{.cpus = 1}, "your quota is 1 cpus, of which 1 are used; this VM would take 1 more"},
        {{.memory_mib = 1023}, "your quota is 1023 MiB of memory, of which 512 are used"},
        {{.disk_gib = 9}, "your quota is 9 GiB of disk, of which 5 are used"},
    };
    (void)cloud_run_vm(&cloud, cloud_alice, "web");
    for (size_t i = 0; i < array_size(cases); i++) {
        set_quota(cases[i].quota);
        struct request wish = cloud_wish(&cloud, cloud_alice, "more");
        cloud_assert_refused(&cloud, &wish, CODE_QUOTA_EXCEEDED, "shape");
        const char *words = bench_last(&cloud.bench, EFFECT_REPLY)->reply.text;
        if (!strstr(words, cases[i].words))
            fail_msg("%s", words);
    }
    (void)cloud_run_vm(&cloud, cloud_bob, "web"); /* another's quota is another's */
}

static void the_last_vm_that_a_quota_permits_is_permitted(void **state) {
    (void)state;
    set_quota((struct amounts){2, 2, 1024, 10});
    (void)cloud_run_vm(&cloud, cloud_alice, "one");
    (void)cloud_run_vm(&cloud, cloud_alice, "two");
    assert_used(2);
}

static void a_creation_is_counted_from_its_admission_and_no_longer_after_its_failure(void **s) {
    (void)s;
    set_quota((struct amounts){.vms = 1});
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    (void)cloud_begin(&cloud, &wish);
    struct message instruct;
    struct far *cluster = cloud_instructed(&cloud, &instruct);
    assert_used(1); /* while it is under way */
    struct request more = cloud_wish(&cloud, cloud_alice, "more");
    cloud_assert_refused(&cloud, &more, CODE_QUOTA_EXCEEDED, "shape");
    bench_say(&cloud.bench, cluster, bench_result(&instruct, CODE_HOST_FAILED, VM_FAILED));
    assert_used(0);
    (void)cloud_run_vm(&cloud, cloud_alice, "more");
}

static void a_deletion_gives_its_share_back_at_its_true_end(void **state) {
    (void)state;
    set_quota((struct amounts){.vms = 1});
    (void)cloud_run_vm(&cloud, cloud_alice, "web");
    struct request act = cloud_act(&cloud, cloud_alice, VERB_DELETE, "web");
    (void)cloud_begin(&cloud, &act);
    struct message instruct;
    struct far *cluster = cloud_instructed(&cloud, &instruct);
    assert_used(1);
    bench_say(&cloud.bench, cluster, bench_result(&instruct, CODE_OK, VM_DELETED));
    assert_used(0);
}

static void vms_of_a_cluster_that_is_away_stay_counted(void **state) {
    (void)state;
    (void)cloud_run_vm(&cloud, cloud_alice, "web");
    bench_cut(&cloud.bench, cloud.north);
    bench_pass(&cloud.bench, 100000);
    assert_used(1);
}

static void a_lowered_quota_ends_no_vm(void **state) {
    (void)state;
    struct id web = cloud_run_vm(&cloud, cloud_alice, "web");
    (void)cloud_run_vm(&cloud, cloud_alice, "two");
    set_quota((struct amounts){.vms = 1});
    bench_pass(&cloud.bench, 1000);
    assert_int_equal(cloud_vm(&cloud, web.text)->state, VM_RUNNING);
    assert_used(2);
    set_quota((struct amounts){0});
    (void)cloud_run_vm(&cloud, cloud_alice, "three");
}

static void quota_and_use_outlive_a_restart(void **state) {
    (void)state;
    set_quota((struct amounts){.vms = 1});
    (void)cloud_run_vm(&cloud, cloud_alice, "web");
    bench_restart(&cloud.bench);
    assert_int_equal(account(cloud_operator).quota.vms, 1);
    assert_used(1);
    struct request wish = cloud_wish(&cloud, cloud_alice, "more");
    cloud_assert_refused(&cloud, &wish, CODE_QUOTA_EXCEEDED, "shape");
}

static void a_tenant_sees_its_own_account_and_sets_none(void **state) {
    (void)state;
    (void)cloud_run_vm(&cloud, cloud_alice, "web");
    assert_int_equal(account(cloud_alice).used.vms, 1);
    struct request request = cloud_request(&cloud, cloud_bob, REQUEST_TENANT_SHOW);
    text_set(request.key, "alice");
    cloud_assert_refused(&cloud, &request, CODE_FORBIDDEN, "");
    request = cloud_request(&cloud, cloud_alice, REQUEST_TENANT_QUOTA);
    text_set(request.key, "alice");
    cloud_assert_refused(&cloud, &request, CODE_FORBIDDEN, "");
    request = cloud_request(&cloud, cloud_operator, REQUEST_TENANT_QUOTA);
    text_set(request.key, "nobody");
    cloud_assert_refused(&cloud, &request, CODE_NOT_FOUND, "tenant");
}

#define with_cloud(test) cloud_test(test, &cloud)

/* Locks and unlocks the tenant's VM so often, each with a key of its own from `first` on. */
static void flood(enum cloud_user user, const struct id *vm, size_t first, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct request act =
            cloud_act(&cloud, user, i % 2 ? VERB_UNLOCK : VERB_LOCK, vm->text);
        text_format(act.idempotency_key, sizeof(act.idempotency_key), "flood-%zu", first + i);
        (void)cloud_begin(&cloud, &act);
    }
}

/* A repeat that is not known any more acts a second time. */
static void a_flood_of_one_tenants_keys_forgets_none_of_another(void **state) {
    (void)state;
    struct id alices = cloud_run_vm(&cloud, cloud_alice, "web");
    struct id bobs = cloud_run_vm(&cloud, cloud_bob, "web");
    cloud.bench.settings.kept = 8;
    bench_restart(&cloud.bench);
    struct request lock = cloud_act(&cloud, cloud_alice, VERB_LOCK, alices.text);
    text_set(lock.idempotency_key, "mine");
    struct id first = cloud_begin(&cloud, &lock);
    flood(cloud_bob, &bobs, 0, 40);
    assert_string_equal(cloud_begin(&cloud, &lock).text, first.text);
    bench_restart(&cloud.bench); /* what is oldest is known again, whatever its key's name */
    flood(cloud_bob, &bobs, 40, 40);
    assert_string_equal(cloud_begin(&cloud, &lock).text, first.text);
    struct request newest = cloud_act(&cloud, cloud_bob, VERB_UNLOCK, bobs.text);
    text_set(newest.idempotency_key, "flood-79");
    const uint64_t generation = cloud_vm(&cloud, bobs.text)->generation;
    (void)cloud_begin(&cloud, &newest);
    assert_int_equal(cloud_vm(&cloud, bobs.text)->generation, generation);
}

static void of_what_is_kept_each_tenant_has_its_part_and_who_needs_it_the_rest(void **state) {
    (void)state;
    struct id bobs = cloud_run_vm(&cloud, cloud_bob, "web");
    struct id alices = cloud_run_vm(&cloud, cloud_alice, "web");
    cloud.bench.settings.kept = 8;
    bench_restart(&cloud.bench);
    flood(cloud_bob, &bobs, 0, 20);
    struct request ops = cloud_request(&cloud, cloud_bob, REQUEST_OP_LIST);
    ops.list.limit = limit_page;
    assert_in_range(bench_ask(&cloud.bench, &ops)->list_count, 7, 8); /* alice needs no more */
    flood(cloud_alice, &alices, 0, 3);
    flood(cloud_bob, &bobs, 20, 20);
    ops = cloud_request(&cloud, cloud_alice, REQUEST_OP_LIST);
    ops.list.limit = limit_page;
    assert_int_equal(bench_ask(&cloud.bench, &ops)->list_count, 4);
}

/* The last tenth is for who has less than an even part of it. */
static void who_has_most_vms_leaves_each_other_a_part_of_the_table(void **state) {
    (void)state;
    cloud.bench.settings.vms_most = 20;
    bench_restart(&cloud.bench);
    bench_hello(&cloud.bench, cloud.north, 100);
    struct request wish = cloud_wish(&cloud, cloud_alice, "");
    for (unsigned i = 0; i < 18; i++) {
        wish = cloud_wish(&cloud, cloud_alice, "");
        text_format(wish.vm_create.name, limit_name_size, "web-%u", i);
        (void)cloud_begin(&cloud, &wish);
    }
    wish = cloud_wish(&cloud, cloud_alice, "one-more");
    cloud_assert_refused(&cloud, &wish, CODE_FULL, "");
    wish = cloud_wish(&cloud, cloud_bob, "web");
    (void)cloud_begin(&cloud, &wish);
    wish = cloud_wish(&cloud, cloud_bob, "one-more");
    cloud_assert_refused(&cloud, &wish, CODE_FULL, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        with_cloud(each_quota_refuses_by_its_name_and_numbers),
        with_cloud(the_last_vm_that_a_quota_permits_is_permitted),
        with_cloud(a_creation_is_counted_from_its_admission_and_no_longer_after_its_failure),
        with_cloud(a_deletion_gives_its_share_back_at_its_true_end),
        with_cloud(vms_of_a_cluster_that_is_away_stay_counted),
        with_cloud(a_lowered_quota_ends_no_vm),
        with_cloud(quota_and_use_outlive_a_restart),
        with_cloud(a_flood_of_one_tenants_keys_forgets_none_of_another),
        with_cloud(of_what_is_kept_each_tenant_has_its_part_and_who_needs_it_the_rest),
        with_cloud(who_has_most_vms_leaves_each_other_a_part_of_the_table),
        with_cloud(a_tenant_sees_its_own_account_and_sets_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
