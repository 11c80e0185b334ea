/* What is found below repairs what is known above: the numbers that a restored manager goes on
 * with, and the VMs that a place has and it does not know. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cloud.h"
#include "cluster.h"

static struct cloud above; /* of this program's only thread; each test begins with a fresh one */

static const struct vm_report odd = {.vm = "vm-0000000000000000000000000z", .epoch = 4,
                                     .generation = 7, .state = VM_RUNNING,
                                     .facts.size = {1, 512, 5}};

/* The place tells a table of these rows and of nothing else. */
static void tell(struct bench *at, struct far *far, const struct vm_report *rows, uint32_t count) {
    struct message message = {.kind = MESSAGE_TABLE,
                              .table = {.first = true, .last = true, .vms_count = count}};
    message.table.vms = count ? memory_copy(rows, count * sizeof(*rows)) : NULL;
    bench_say(at, far, message);
}

static const struct reply *ask(enum request_kind kind, struct leftover_choice choice) {
    struct request request = cloud_request(&above, cloud_operator, kind);
    text_set(request.key, odd.vm);
    request.leftover = choice;
    return bench_ask(&above.bench, &request);
}

static uint32_t listed(void) {
    return ask(REQUEST_LEFTOVER_LIST, (struct leftover_choice){0})->list_count;
}

static void a_restored_manager_goes_on_after_the_numbers_of_its_places(void **state) {
    (void)state;
    struct message instruct;
    struct id web = cloud_run_vm(&above, cloud_alice, "web");
    struct vm_report report = {.epoch = 1, .generation = 9, .state = VM_STOPPED,
                               .facts.size = {1, 512, 5}};
    text_set(report.vm, web.text);
    tell(&above.bench, above.north, &report, 1);
    assert_int_equal(cloud_vm(&above, web.text)->state, VM_STOPPED);
    struct request start = cloud_act(&above, cloud_alice, VERB_START, "web");
    (void)cloud_begin(&above, &start);
    assert_ptr_equal(cloud_instructed(&above, &instruct), above.north);
    assert_int_equal(instruct.instruct.generation, 10);
    message_clear(&instruct);
}

static void a_vm_that_is_not_known_is_listed_and_taken_in(void **state) {
    (void)state;
    struct message instruct;
    const struct leftover_choice choice = {.asker = "alice", .name = "found"};
    tell(&above.bench, above.north, &odd, 1);
    assert_int_equal(listed(), 1);
    assert_int_equal(ask(REQUEST_LEFTOVER_ADOPT, (struct leftover_choice){0})->code, CODE_INVALID);
    assert_int_equal(ask(REQUEST_LEFTOVER_ADOPT, (struct leftover_choice){
                                                     .asker = "nobody", .name = "found"})
                         ->code,
                     CODE_NOT_FOUND);
    assert_int_equal(ask(REQUEST_LEFTOVER_ADOPT, choice)->kind, REPLY_RECORD);
    const struct vm *vm = cloud_vm(&above, odd.vm);
    assert_string_equal(vm->asker, "alice");
    assert_string_equal(vm->place, above.north->setting.name);
    assert_string_equal(vm->shape, bench_shapes[0].name);
    assert_int_equal(vm->state, VM_RUNNING);
    assert_int_equal(listed(), 0);
    bench_restart(&above.bench);
    bench_hello(&above.bench, above.north, 2);
    struct request stop = cloud_act(&above, cloud_alice, VERB_STOP, "found");
    (void)cloud_begin(&above, &stop);
    assert_ptr_equal(cloud_instructed(&above, &instruct), above.north);
    assert_int_equal(instruct.instruct.epoch, 4);
    assert_int_equal(instruct.instruct.generation, 8);
    bench_say(&above.bench, above.north, bench_result(&instruct, CODE_OK, VM_STOPPED));
    message_clear(&instruct);
    struct vm_report restored = odd; /* its place's books are older, and were taken in again */
    restored.epoch = 1;
    restored.generation = 1;
    tell(&above.bench, above.north, &restored, 1);
    assert_int_equal(cloud_vm(&above, odd.vm)->state, VM_RUNNING);
}

static void one_that_is_discarded_is_asked_for_until_it_is_gone(void **state) {
    (void)state;
    struct message instruct;
    tell(&above.bench, above.north, &odd, 1);
    const struct leftover *left =
        ask(REQUEST_LEFTOVER_DISCARD, (struct leftover_choice){0})->record.data;
    assert_true(left->leaving);
    assert_ptr_equal(cloud_instructed(&above, &instruct), above.north);
    assert_int_equal(instruct.instruct.verb, VERB_DELETE);
    assert_int_equal(instruct.instruct.generation, 8);
    message_clear(&instruct);
    bench_hello(&above.bench, above.north, 2); /* it got lost with the session */
    tell(&above.bench, above.north, &odd, 1);
    assert_ptr_equal(cloud_instructed(&above, &instruct), above.north);
    bench_say(&above.bench, above.north, bench_result(&instruct, CODE_OK, VM_DELETED));
    assert_non_null(bench_told(&above.bench, above.north, MESSAGE_SETTLED));
    message_clear(&instruct);
    assert_int_equal(listed(), 0);
    assert_int_equal(ask(REQUEST_LEFTOVER_DISCARD, (struct leftover_choice){0})->code,
                     CODE_NOT_FOUND);
}

static void what_the_next_table_does_not_have_is_listed_no_more(void **state) {
    (void)state;
    tell(&above.bench, above.north, &odd, 1);
    tell(&above.bench, above.south, &odd, 1);
    assert_int_equal(listed(), 2);
    assert_int_equal(ask(REQUEST_LEFTOVER_DISCARD, (struct leftover_choice){0})->code,
                     CODE_CONFLICT); /* which? */
    tell(&above.bench, above.north, NULL, 0);
    assert_int_equal(listed(), 1);
}

static void a_lost_vm_that_is_found_elsewhere_stands_there_from_then_on(void **state) {
    (void)state;
    struct id web = cloud_run_vm(&above, cloud_alice, "web");
    struct vm_report report = odd;
    text_set(report.vm, web.text);
    tell(&above.bench, above.south, &report, 1);
    struct request request = cloud_request(&above, cloud_operator, REQUEST_LEFTOVER_ADOPT);
    text_set(request.key, web.text);
    assert_int_equal(bench_ask(&above.bench, &request)->code, CODE_CONFLICT); /* it is in north */
    tell(&above.bench, above.north, NULL, 0);
    assert_int_equal(cloud_vm(&above, web.text)->state, VM_LOST);
    assert_int_equal(bench_ask(&above.bench, &request)->kind, REPLY_RECORD);
    assert_string_equal(cloud_vm(&above, web.text)->place, above.south->setting.name);
    assert_int_equal(cloud_vm(&above, web.text)->state, VM_RUNNING);
}

static void a_newer_epoch_than_was_asked_for_is_another_vm(void **state) {
    (void)state;
    struct id web = cloud_run_vm(&above, cloud_alice, "web");
    struct vm_report report = odd;
    text_set(report.vm, web.text);
    tell(&above.bench, above.north, &report, 1); /* a newer one is none that was asked for */
    assert_int_equal(cloud_vm(&above, web.text)->state, VM_LOST);
    assert_int_equal(listed(), 1);
}

static void an_owner_gives_a_vm_back_to_its_upstream_manager(void **state) {
    (void)state;
    const uint64_t rooms[] = {3, 3};
    cluster_open(rooms, 2, (struct amounts){0});
    tell(&bench, bench_agent(&bench, 1), &odd, 1);
    struct request request = {.handle = 9, .kind = REQUEST_LEFTOVER_ADOPT};
    text_set(request.key, odd.vm);
    assert_int_equal(bench_ask(&bench, &request)->code, CODE_INVALID); /* whose? */
    text_set(request.leftover.asker, "manager-0");
    assert_int_equal(bench_ask(&bench, &request)->kind, REPLY_RECORD);
    const struct message *told = bench_told(&bench, cloud, MESSAGE_VM);
    assert_string_equal(told->vm.vm, odd.vm);
    assert_int_equal(told->vm.state, VM_RUNNING);
    assert_int_equal(told->vm.facts.size.memory_mib, 512);
    struct message instruct = bench_instruct("1", "1", 5, VERB_STOP);
    text_set(instruct.instruct.vm, odd.vm);
    instruct.instruct.epoch = 2; /* as that manager has always counted it */
    bench_say(&bench, cloud, instruct);
    struct message below;
    assert_ptr_equal(cluster_instructed(&below), bench_agent(&bench, 1));
    assert_int_equal(below.instruct.epoch, 4);
    assert_int_equal(below.instruct.generation, 8);
    message_clear(&below);
}

#define with_cloud(test) cloud_test(test, &above)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_cloud(a_restored_manager_goes_on_after_the_numbers_of_its_places),
        with_cloud(a_vm_that_is_not_known_is_listed_and_taken_in),
        with_cloud(one_that_is_discarded_is_asked_for_until_it_is_gone),
        with_cloud(what_the_next_table_does_not_have_is_listed_no_more),
        with_cloud(a_lost_vm_that_is_found_elsewhere_stands_there_from_then_on),
        with_cloud(a_newer_epoch_than_was_asked_for_is_another_vm),
        cmocka_unit_test_teardown(an_owner_gives_a_vm_back_to_its_upstream_manager,
                                  cluster_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
