/* Console logs on their way: who may read which, and what becomes of it when a place goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cloud.h"
#include "core/manager/reads.h"
#include "host.h"

static int set_up_host(void **state) {
    (void)state;
    host_open(NULL);
    host_run_vm();
    return 0;
}

static int set_up_cluster(void **state) {
    (void)state;
    cluster_open((const uint64_t[]){3}, 1, (struct amounts){0});
    cluster_run_vm(cloud, "1", "1");
    return 0;
}

static struct message read_of(const char *vm, uint64_t number, uint64_t from) {
    struct message message = {.kind = MESSAGE_READ,
                              .read = {.number = number, .epoch = 1, .from = from}};
    text_set(message.read.vm, bench_instruct("9", vm, 1, VERB_START).instruct.vm);
    return message;
}

static struct message reading(uint64_t number, char *base64) {
    return (struct message){.kind = MESSAGE_READING,
                            .reading = {.number = number, .from = 5, .next = 8,
                                        .base64 = memory_text(base64)}};
}

static void assert_refused(struct far *above, uint64_t number, enum code code) {
    const struct message *told = bench_told(&bench, above, MESSAGE_READING);
    assert_non_null(told);
    assert_int_equal(told->reading.number, number);
    assert_int_equal(told->reading.code, code);
    assert_null(told->reading.base64);
}

static void an_agent_has_its_host_read_what_its_manager_asks_for(void **state) {
    (void)state;
    bench_say(&bench, manager, read_of("1", 77, 5));
    const struct effect_read read = bench_last(&bench, EFFECT_READ)->read;
    assert_int_equal(read.from, 5);
    assert_string_equal(read.vm, read_of("1", 1, 1).read.vm);
    effects_clear(&bench.effects);
    bench_step(&bench, (struct event){.kind = EVENT_READ,
                                      .read = {read.number, CODE_OK, 5, 8, "YWJj"}});
    const struct reading *told = &bench_told(&bench, manager, MESSAGE_READING)->reading;
    assert_int_equal(told->number, 77);
    assert_int_equal(told->next, 8);
    assert_string_equal(told->base64, "YWJj");
    effects_clear(&bench.effects); /* it is answered once */
    bench_step(&bench, (struct event){.kind = EVENT_READ,
                                      .read = {read.number, CODE_OK, 5, 8, "YWJj"}});
    assert_null(bench_told(&bench, manager, MESSAGE_READING));
}

static void an_agent_refuses_what_is_not_here_and_what_is_too_much(void **state) {
    (void)state;
    bench_say(&bench, manager, read_of("2", 77, 0));
    assert_refused(manager, 77, CODE_LOST);
    struct message older = read_of("1", 78, 0);
    older.read.epoch = 2;
    bench_say(&bench, manager, older);
    assert_refused(manager, 78, CODE_LOST);
    for (uint64_t i = 1; i <= 8; i++) {
        bench_say(&bench, manager, read_of("1", i, 0));
        assert_null(bench_told(&bench, manager, MESSAGE_READING));
    }
    bench_say(&bench, manager, read_of("1", 9, 0));
    assert_refused(manager, 9, CODE_BUSY);
}

/* The number by which the host was asked. */
static uint64_t asked(void) {
    const struct message *told = bench_told(&bench, bench_agent(&bench, 0), MESSAGE_READ);
    assert_non_null(told);
    return told->read.number;
}

static void a_cluster_passes_it_on_by_a_number_of_its_own(void **state) {
    (void)state;
    bench_say(&bench, cloud, read_of("1", 77, 5));
    uint64_t number = asked();
    assert_int_not_equal(number, 77);
    bench_say(&bench, bench_agent(&bench, 0), reading(number + 1, "WFla"));
    assert_null(bench_told(&bench, cloud, MESSAGE_READING));
    bench_say(&bench, bench_agent(&bench, 0), reading(number, "YWJj"));
    const struct reading *told = &bench_told(&bench, cloud, MESSAGE_READING)->reading;
    assert_int_equal(told->number, 77);
    assert_string_equal(told->base64, "YWJj");
    assert_null(bench_told(&bench, other, MESSAGE_READING));
    bench_say(&bench, bench_agent(&bench, 0), reading(number, "YWJj"));
    assert_null(bench_told(&bench, cloud, MESSAGE_READING));
}

static void what_is_another_managers_is_not_read(void **state) {
    (void)state;
    bench_say(&bench, other, read_of("1", 77, 0));
    assert_refused(other, 77, CODE_LOST);
    assert_null(bench_told(&bench, bench_agent(&bench, 0), MESSAGE_READ));
}

static void permit(char *views) {
    struct request request = {.kind = REQUEST_PERMISSIONS_SET, .permissions.views = views};
    text_set(request.key, "manager-0");
    request.handle = 7;
    assert_int_equal(bench_ask(&bench, &request)->code, CODE_OK);
}

static void what_an_owner_forbids_is_not_read_even_if_it_is_on_its_way(void **state) {
    (void)state;
    bench_say(&bench, cloud, read_of("1", 77, 0));
    uint64_t number = asked();
    permit((char *)(uintptr_t)"ips");
    bench_say(&bench, bench_agent(&bench, 0), reading(number, "YWJj"));
    assert_refused(cloud, 77, CODE_NOT_ALLOWED);
    bench_say(&bench, cloud, read_of("1", 78, 0));
    assert_refused(cloud, 78, CODE_NOT_ALLOWED);
    assert_null(bench_told(&bench, bench_agent(&bench, 0), MESSAGE_READ));
}

static void a_host_that_goes_or_says_nothing_is_not_waited_for(void **state) {
    (void)state;
    bench_say(&bench, cloud, read_of("1", 77, 0));
    bench_pass(&bench, reads_within_ms - 1);
    assert_null(bench_told(&bench, cloud, MESSAGE_READING));
    bench_pass(&bench, 1);
    assert_refused(cloud, 77, CODE_UNREACHABLE);
    bench_say(&bench, cloud, read_of("1", 78, 0));
    effects_clear(&bench.effects);
    bench_cut(&bench, bench_agent(&bench, 0));
    assert_refused(cloud, 78, CODE_UNREACHABLE);
    bench_say(&bench, cloud, read_of("1", 79, 0));
    assert_refused(cloud, 79, CODE_UNREACHABLE);
}

static void one_manager_leaves_a_share_of_each_host(void **state) {
    (void)state;
    for (uint64_t i = 1; i <= reads_of_manager_at_host; i++) {
        bench_say(&bench, cloud, read_of("1", i, 0));
        assert_null(bench_told(&bench, cloud, MESSAGE_READING));
    }
    bench_say(&bench, cloud, read_of("1", 9, 0));
    assert_refused(cloud, 9, CODE_BUSY);
}

static struct cloud tenants; /* of an upstream manager */

static const struct reply *log_of(enum cloud_user user, const struct id *vm) {
    struct request request = cloud_request(&tenants, user, REQUEST_VM_LOG);
    text_set(request.key, vm->text);
    return bench_ask(&tenants.bench, &request);
}

static void one_tenant_leaves_others_their_share(void **state) {
    (void)state;
    struct id web = cloud_run_vm(&tenants, cloud_alice, "web");
    struct id theirs = cloud_run_vm(&tenants, cloud_bob, "db");
    for (int i = 0; i < reads_of_tenant; i++)
        assert_null(log_of(cloud_alice, &web));
    assert_int_equal(log_of(cloud_alice, &web)->code, CODE_BUSY);
    assert_int_equal(log_of(cloud_operator, &web)->code, CODE_BUSY);
    assert_null(log_of(cloud_bob, &theirs));
}

#define on_host(test) cmocka_unit_test_setup_teardown(test, set_up_host, cluster_tear_down)
#define in_cluster(test) cmocka_unit_test_setup_teardown(test, set_up_cluster, cluster_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        on_host(an_agent_has_its_host_read_what_its_manager_asks_for),
        on_host(an_agent_refuses_what_is_not_here_and_what_is_too_much),
        in_cluster(a_cluster_passes_it_on_by_a_number_of_its_own),
        in_cluster(what_is_another_managers_is_not_read),
        in_cluster(what_an_owner_forbids_is_not_read_even_if_it_is_on_its_way),
        in_cluster(a_host_that_goes_or_says_nothing_is_not_waited_for),
        in_cluster(one_manager_leaves_a_share_of_each_host),
        cloud_test(one_tenant_leaves_others_their_share, &tenants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
