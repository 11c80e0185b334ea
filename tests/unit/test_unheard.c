/* A place that is away does not look alive: which VMs are not heard of, since when, and how those
 * above are told of each by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cloud.h"
#include "cluster.h"
#include "core/books/digest.h"
#include "core/effect.h"
#include "message/owner.h"

enum { beat_ms = 10000, hold_down_ms = 30000, vms = 4 };
static const char *const names[vms] = {"1", "2", "3", "4"};

static int set_up(void **state) {
    static const uint64_t rooms[] = {9, 0};
    (void)state;
    cluster_open(rooms, array_size(rooms), (struct amounts){0});
    for (size_t i = 0; i < vms; i++)
        cluster_run_vm(cloud, names[i], names[i]);
    return 0;
}

static const struct stored_vm *stored(const char *name) {
    const struct message named = bench_define("9", name, 1, &bench_shapes[0]);
    return &book_vm(role_book(bench.role), named.instruct.vm)->stored;
}

/* As the cluster's owner sees it. */
static uint64_t owner_sees(const char *name) {
    struct request request = {.kind = REQUEST_VM_SHOW};
    text_set(request.key, stored(name)->vm.id);
    const struct hosted_vm *shown = bench_ask(&bench, &request)->record.data;
    assert_int_equal(shown->state, VM_RUNNING); /* what was told last, and no guess */
    return shown->unheard_ms;
}

/* How many VMs that manager is told of in the next `ms`, and in how many moments. */
struct telling {
    size_t told, moments;
    uint64_t for_ms; /* of all of them; 0: they are heard of */
};

static struct telling pass(struct far *manager, uint64_t ms) {
    struct telling telling = {0};
    enum { moment_ms = 10 };
    for (uint64_t passed = 0; passed < ms; passed += moment_ms) {
        size_t before = telling.told;
        bench_pass(&bench, moment_ms);
        for (size_t i = 0; i < bench.effects.count; i++) {
            const struct effect *effect = &bench.effects.items[i];
            if (effect->kind != EFFECT_SEND || effect->send.message.kind != MESSAGE_VM ||
                !text_equal(effect->send.address, manager->setting.address))
                continue;
            if (telling.told++)
                assert_int_equal(effect->send.message.vm.unheard_ms, telling.for_ms);
            telling.for_ms = effect->send.message.vm.unheard_ms;
            assert_int_equal(effect->send.message.vm.state, VM_RUNNING);
        }
        telling.moments += telling.told > before;
    }
    return telling;
}

static void the_owner_sees_at_once_that_nothing_is_heard_of_a_host(void **state) {
    (void)state;
    assert_int_equal(owner_sees("1"), 0);
    uint64_t lost_ms = bench_wall_ms + bench.now_ms;
    bench_cut(&bench, bench_agent(&bench, 0));
    assert_true(owner_sees("1") && owner_sees("1") == owner_sees("4"));
    assert_true(owner_sees("1") <= lost_ms + bench.now_ms);
    bench_hello(&bench, bench_agent(&bench, 0), 5);
    assert_int_equal(owner_sees("1"), 0);
}

static void vms_that_go_away_together_are_told_of_apart_and_within_a_beat(void **state) {
    (void)state;
    bench_cut(&bench, bench_agent(&bench, 0));
    struct telling telling = pass(cloud, hold_down_ms - 10);
    assert_int_equal(telling.told, 0); /* it may be back before */
    telling = pass(cloud, beat_ms + 20);
    assert_int_equal(telling.told, vms);
    assert_int_equal(telling.moments, vms);
    assert_int_equal(telling.for_ms, hold_down_ms + beat_ms); /* the same of all */
    bench_hello(&bench, bench_agent(&bench, 0), 5);
    telling = pass(cloud, beat_ms + 20);
    assert_int_equal(telling.told, vms);
    assert_int_equal(telling.moments, vms);
    assert_int_equal(telling.for_ms, 0);
}

static void a_host_that_is_back_in_time_is_not_told_of(void **state) {
    (void)state;
    bench_cut(&bench, bench_agent(&bench, 0));
    (void)pass(cloud, hold_down_ms - 1000);
    bench_hello(&bench, bench_agent(&bench, 0), 5);
    assert_int_equal(pass(cloud, hold_down_ms).told, 0);
}

static void what_was_told_outlives_a_restart_and_a_session(void **state) {
    (void)state;
    bench_cut(&bench, bench_agent(&bench, 0));
    (void)pass(cloud, hold_down_ms + beat_ms + 20);
    uint64_t since_ms = stored("1")->told_unheard_ms;
    assert_int_not_equal(since_ms, 0);
    bench_restart(&bench);
    assert_int_equal(stored("1")->told_unheard_ms, since_ms);
    bench_welcome(&bench, cloud);
    bench_say(&bench, cloud, (struct message){.kind = MESSAGE_SYNC});
    const struct message *table = bench_told(&bench, cloud, MESSAGE_TABLE);
    assert_int_equal(table->table.vms_count, vms);
    for (size_t i = 0; i < vms; i++)
        assert_int_not_equal(table->table.vms[i].unheard_ms, 0);
    const struct vm *vm = &stored("1")->vm; /* a session sees by the digest whether it was told */
    assert_int_not_equal(uplink_vm_digest(vm, 1, 1, since_ms), uplink_vm_digest(vm, 1, 1, 0));
    assert_int_equal(uplink_vm_digest(vm, 1, 1, since_ms), uplink_vm_digest(vm, 1, 1, 1));
}

static void a_host_that_is_written_off_takes_its_signs_along(void **state) {
    (void)state;
    struct request forget = {.kind = REQUEST_HOST_FORGET};
    bench_cut(&bench, bench_agent(&bench, 0));
    (void)pass(cloud, hold_down_ms + beat_ms + 20);
    text_set(forget.key, bench_agent(&bench, 0)->setting.name);
    assert_int_equal(bench_ask(&bench, &forget)->kind, REPLY_RECORD);
    const struct message *told = bench_told(&bench, cloud, MESSAGE_VM);
    assert_int_equal(told->vm.state, VM_LOST);
    assert_int_equal(told->vm.unheard_ms, 0);
}

/* --- the cloud --- */

static struct cloud above;

static const struct vm *shown(const char *id) {
    struct request show = cloud_request(&above, cloud_alice, REQUEST_VM_SHOW);
    struct request list = cloud_request(&above, cloud_alice, REQUEST_VM_LIST);
    text_set(show.key, id);
    const struct vm *row = bench_ask(&above.bench, &list)->list[0].data;
    uint64_t unheard_ms = row->unheard_ms;
    const struct vm *vm = bench_ask(&above.bench, &show)->record.data;
    assert_int_equal(vm->unheard_ms, unheard_ms);
    assert_int_equal(vm->state, VM_RUNNING);
    return vm;
}

static void report(const struct id *vm, uint64_t unheard_ms) {
    struct message report = {.kind = MESSAGE_VM,
                             .vm = {.epoch = 1, .generation = 1, .state = VM_RUNNING,
                                    .unheard_ms = unheard_ms}};
    text_set(report.vm.vm, vm->text);
    bench_say(&above.bench, above.north, report);
}

static void a_vm_of_a_cluster_that_is_away_does_not_look_alive(void **state) {
    (void)state;
    struct id vm = cloud_run_vm(&above, cloud_alice, "web");
    assert_int_equal(shown(vm.text)->unheard_ms, 0);
    bench_cut(&above.bench, above.north);
    uint64_t since_ms = shown(vm.text)->unheard_ms;
    assert_int_not_equal(since_ms, 0);
    bench_pass(&above.bench, 180000);
    assert_int_equal(shown(vm.text)->unheard_ms, since_ms);
    bench_hello(&above.bench, above.north, 1);
    assert_int_equal(shown(vm.text)->unheard_ms, 0);
    bench_restart(&above.bench); /* and nobody has been heard yet */
    assert_int_not_equal(shown(vm.text)->unheard_ms, 0);
}

static void what_a_cluster_does_not_hear_of_does_not_look_alive(void **state) {
    (void)state;
    struct id vm = cloud_run_vm(&above, cloud_alice, "web");
    report(&vm, 40000);
    uint64_t since_ms = shown(vm.text)->unheard_ms;
    assert_int_not_equal(since_ms, 0);
    bench_restart(&above.bench);
    bench_hello(&above.bench, above.north, 1);
    assert_int_equal(shown(vm.text)->unheard_ms, since_ms);
    bench_cut(&above.bench, above.north);
    assert_int_equal(shown(vm.text)->unheard_ms, since_ms); /* that was before */
    bench_hello(&above.bench, above.north, 1);
    report(&vm, 0);
    assert_int_equal(shown(vm.text)->unheard_ms, 0);
}

#define with_cluster(test) cmocka_unit_test_setup_teardown(test, set_up, cluster_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_cluster(the_owner_sees_at_once_that_nothing_is_heard_of_a_host),
        with_cluster(vms_that_go_away_together_are_told_of_apart_and_within_a_beat),
        with_cluster(a_host_that_is_back_in_time_is_not_told_of),
        with_cluster(what_was_told_outlives_a_restart_and_a_session),
        with_cluster(a_host_that_is_written_off_takes_its_signs_along),
        cloud_test(a_vm_of_a_cluster_that_is_away_does_not_look_alive, &above),
        cloud_test(what_a_cluster_does_not_hear_of_does_not_look_alive, &above),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
