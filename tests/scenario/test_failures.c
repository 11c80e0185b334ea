/* What has gone wrong in other systems, told to this one. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "sim/parts/process.h"
#include "tests/scenario/script.h"

/* One VM, made and running, its story told already. */
static struct script *with_vm(void) {
    struct script *script = script_new();
    script_create(script, "a", "");
    script_wait(script, 10);
    script_tells(script, "cloud0 instructs define\n"
                         "cloud0 replies define running, ok\n"
                         "cluster-inner0 instructs define\n"
                         "host-inner2 works: fetch\n"
                         "host-inner2 works: create\n"
                         "host-inner2 works: start\n"
                         "host-inner2 results ok, running\n"
                         "cluster-inner0 results ok, running\n");
    return script;
}

static void a_lost_reply_after_the_work_was_done_is_told_again_and_nothing_is_done_twice(
    void **state) {
    (void)state;
    struct script *script = with_vm();
    script->world->lose = "{\"result\"";
    script_act(script, "a", VERB_REBOOT, 0);
    script_wait(script, 60);
    script_tells(script, "cloud0 instructs reboot\n"
                         "cloud0 replies reboot running, ok\n"
                         "cluster-inner0 instructs reboot\n"
                         "host-inner2 works: reboot\n"
                         "host-inner2 results ok, running\n"
                         "host-inner2 results ok, running\n"
                         "cluster-inner0 results ok, running\n");
    script_ends(script);
}

static void a_manager_that_restarts_does_not_believe_that_all_vms_are_off(void **state) {
    (void)state;
    struct script *script = with_vm();
    process_crash(script->world, script->cloud, 1000);
    process_crash(script->world, script->cluster, 2000);
    script_wait(script, 60);
    script_tells(script, "");
    assert_true(script_vm_is(script, "a", VM_RUNNING));
    script_ends(script);
}

static void a_vm_deleted_while_its_cluster_is_away_is_gone_when_that_is_back(void **state) {
    (void)state;
    struct script *script = with_vm();
    process_crash(script->world, script->cluster, 40000);
    script_act(script, "a", VERB_DELETE, 0);
    script_wait(script, 90);
    script_tells(script, "cloud0 instructs delete\n"
                         "cloud0 replies delete running, ok\n"
                         "cloud0 instructs delete\n"
                         "cluster-inner0 instructs delete\n"
                         "host-inner2 works: remove\n"
                         "host-inner2 results ok, deleted\n"
                         "cluster-inner0 results ok, deleted\n");
    assert_int_equal(script_vms(script), 0);
    script_ends(script);
}

static void a_repeat_of_an_old_instruction_after_a_newer_one_does_nothing(void **state) {
    (void)state;
    struct script *script = with_vm();
    script->world->repeat = "\"verb\":\"stop\"";
    script->world->repeat_ms = 20000;
    script_act(script, "a", VERB_STOP, 0);
    script_wait(script, 10);
    script_act(script, "a", VERB_START, 0);
    script_wait(script, 60);
    script_tells(script, "cloud0 instructs stop\n"
                         "cloud0 replies stop running, ok\n"
                         "cluster-inner0 instructs stop\n"
                         "host-inner2 works: stop\n"
                         "host-inner2 results ok, stopped\n"
                         "cluster-inner0 results ok, stopped\n"
                         "cloud0 instructs start\n"
                         "cloud0 replies start running, ok\n"
                         "cluster-inner0 instructs start\n"
                         "host-inner2 works: start\n"
                         "host-inner2 results ok, running\n"
                         "cluster-inner0 results ok, running\n");
    assert_true(script_vm_is(script, "a", VM_RUNNING));
    script_ends(script);
}

static void a_result_after_the_deadline_changes_the_vm_and_not_the_operation(void **state) {
    (void)state;
    struct script *script = with_vm();
    script->world->slow = script->hosts[0];
    script->world->slow_ms = 20000;
    script_act(script, "a", VERB_STOP, 5000);
    script_wait(script, 10);
    assert_true(script_vm_is(script, "a", VM_RUNNING));
    script_wait(script, 20);
    script_tells(script, "cloud0 instructs stop\n"
                         "cloud0 replies stop running, ok\n"
                         "cluster-inner0 instructs stop\n"
                         "host-inner2 works: stop\n"
                         "cluster-inner0 results deadline, running\n"
                         "host-inner2 results ok, stopped\n");
    assert_true(script_vm_is(script, "a", VM_STOPPED));
    script_ends(script);
}

/* shape0 has 256 MiB, shape1 1024. */
static void a_resize_that_the_deadline_ends_counts_as_the_larger_until_the_host_tells(
    void **state) {
    (void)state;
    struct script *script = with_vm();
    script_act(script, "a", VERB_STOP, 0);
    script_wait(script, 10);
    text_clear(&script->story);
    script->world->slow = script->hosts[0];
    script->world->slow_ms = 20000;
    script_resize(script, "a", "shape1", 5000);
    script_wait(script, 10);
    assert_int_equal(script_memory_mib(script, "a"), 1024);
    script_wait(script, 20);
    script_tells(script, "cloud0 instructs resize\n"
                         "cloud0 replies resize running, ok\n"
                         "cluster-inner0 instructs resize\n"
                         "host-inner2 works: resize\n"
                         "cluster-inner0 results deadline, stopped\n"
                         "host-inner2 results ok, stopped\n");
    assert_int_equal(script_memory_mib(script, "a"), 1024);
    script_ends(script);
}

static void a_resize_that_races_its_hosts_crash_is_done_once_that_is_back(void **state) {
    (void)state;
    struct script *script = with_vm();
    script_act(script, "a", VERB_STOP, 0);
    script_wait(script, 10);
    text_clear(&script->story);
    script->world->slow = script->hosts[0];
    script->world->slow_ms = 5000;
    script_resize(script, "a", "shape1", 0);
    script_wait(script, 1);
    process_crash(script->world, script->hosts[0], 2000);
    script_wait(script, 30);
    script_tells(script, "cloud0 instructs resize\n"
                         "cloud0 replies resize running, ok\n"
                         "cluster-inner0 instructs resize\n"
                         "host-inner2 works: resize\n"
                         "host-inner2 works: resize\n"
                         "cluster-inner0 instructs resize\n"
                         "host-inner2 results ok, stopped\n"
                         "cluster-inner0 results ok, stopped\n");
    assert_int_equal(script_memory_mib(script, "a"), 1024);
    script_ends(script);
}

static void a_tenants_retry_after_a_time_out_gets_the_same_operation(void **state) {
    (void)state;
    struct script *script = script_new();
    script_create(script, "a", "key");
    script_wait(script, 30);
    script_create(script, "a", "key");
    script_wait(script, 1);
    script_tells(script, "cloud0 instructs define\n"
                         "cloud0 replies define running, ok\n"
                         "cluster-inner0 instructs define\n"
                         "host-inner2 works: fetch\n"
                         "host-inner2 works: create\n"
                         "host-inner2 works: start\n"
                         "host-inner2 results ok, running\n"
                         "cluster-inner0 results ok, running\n"
                         "cloud0 replies define succeeded, ok\n");
    assert_int_equal(script_vms(script), 1);
    script_ends(script);
}

static void one_hung_host_does_not_delay_the_others(void **state) {
    (void)state;
    struct script *script = script_new();
    script->world->slow = script->hosts[0];
    script->world->slow_ms = 60000;
    script_create(script, "a", "");
    script_wait(script, 1);
    script_create(script, "b", "");
    script_wait(script, 10);
    assert_true(script_vm_is(script, "b", VM_RUNNING));
    script_tells(script, "cloud0 instructs define\n"
                         "cloud0 replies define running, ok\n"
                         "cluster-inner0 instructs define\n"
                         "host-inner2 works: fetch\n"
                         "cloud0 instructs define\n"
                         "cloud0 replies define running, ok\n"
                         "cluster-inner0 instructs define\n"
                         "host-inner3 works: fetch\n"
                         "host-inner3 works: create\n"
                         "host-inner3 works: start\n"
                         "host-inner3 results ok, running\n"
                         "cluster-inner0 results ok, running\n"
                         "cloud0 instructs define\n"
                         "cluster-inner0 instructs define\n");
    script_ends(script);
}

static void a_host_renamed_keeps_its_vms(void **state) {
    (void)state;
    struct script *script = with_vm();
    script_rename(script, script->hosts[0], "lathe-inner");
    script_wait(script, 30);
    script_act(script, "a", VERB_STOP, 0);
    script_wait(script, 10);
    script_tells(script, "cloud0 instructs stop\n"
                         "cloud0 replies stop running, ok\n"
                         "cluster-inner0 instructs stop\n"
                         "host-inner2 works: stop\n"
                         "host-inner2 results ok, stopped\n"
                         "cluster-inner0 results ok, stopped\n");
    assert_true(script_vm_is(script, "a", VM_STOPPED));
    script_ends(script);
}

static void a_host_renamed_while_it_works_tells_what_came_of_it(void **state) {
    (void)state;
    struct script *script = with_vm();
    script->world->slow = script->hosts[0];
    script->world->slow_ms = 20000;
    script_act(script, "a", VERB_STOP, 0);
    script_wait(script, 1);
    script_rename(script, script->hosts[0], "lathe-inner");
    script_wait(script, 60);
    script_tells(script, "cloud0 instructs stop\n"
                         "cloud0 replies stop running, ok\n"
                         "cluster-inner0 instructs stop\n"
                         "host-inner2 works: stop\n"
                         "cloud0 instructs stop\n"
                         "cluster-inner0 instructs stop\n"
                         "cluster-inner0 instructs stop\n"
                         "host-inner2 results ok, stopped\n"
                         "cluster-inner0 results ok, stopped\n");
    script_ends(script);
}

/* What is to be deleted is in the quota until it is known to be gone. */
static void quota_counts_what_a_cluster_that_is_away_may_still_have(void **state) {
    (void)state;
    struct script *script = with_vm();
    script_quota(script, 1);
    process_crash(script->world, script->cluster, 40000);
    script_act(script, "a", VERB_DELETE, 0);
    script_wait(script, 20);
    script_create(script, "b", "");
    script_wait(script, 60);
    script_create(script, "b", "");
    script_wait(script, 10);
    script_tells(script, "cloud0 instructs delete\n"
                         "cloud0 replies delete running, ok\n"
                         "cloud0 refuses quota-exceeded\n"
                         "cloud0 instructs delete\n"
                         "cluster-inner0 instructs delete\n"
                         "host-inner2 works: remove\n"
                         "host-inner2 results ok, deleted\n"
                         "cluster-inner0 results ok, deleted\n"
                         "cloud0 instructs define\n"
                         "cloud0 replies define running, ok\n"
                         "cluster-inner0 instructs define\n"
                         "host-inner2 works: fetch\n"
                         "host-inner2 works: create\n"
                         "host-inner2 works: start\n"
                         "host-inner2 results ok, running\n"
                         "cluster-inner0 results ok, running\n");
    assert_int_equal(script_vms(script), 1);
    script_ends(script);
}

static void a_pause_that_races_a_power_loss_ends_as_interrupted_and_the_vm_is_crashed(
    void **state) {
    (void)state;
    struct script *script = with_vm();
    script->world->slow = script->hosts[0];
    script->world->slow_ms = 20000;
    script_act(script, "a", VERB_PAUSE, 0);
    script_wait(script, 10);
    process_lose_power(script->world, script->hosts[0]);
    script_wait(script, 90);
    script_tells(script, "cloud0 instructs pause\n"
                         "cloud0 replies pause running, ok\n"
                         "cluster-inner0 instructs pause\n"
                         "host-inner2 works: pause\n"
                         "cluster-inner0 instructs pause\n"
                         "cloud0 instructs pause\n"
                         "cloud0 instructs pause\n"
                         "cluster-inner0 instructs pause\n"
                         "host-inner2 results interrupted, crashed\n"
                         "host-inner2 results interrupted, crashed\n"
                         "cluster-inner0 results interrupted, crashed\n");
    assert_true(script_vm_is(script, "a", VM_CRASHED));
    script_ends(script);
}

/* What only was in memory is gone with it; what was saved before is not. */
static void a_power_loss_ends_a_paused_vm_and_leaves_a_suspended_one_as_it_is(void **state) {
    (void)state;
    struct script *script = with_vm();
    script_act(script, "a", VERB_SUSPEND, 0);
    script_wait(script, 10);
    process_lose_power(script->world, script->hosts[0]);
    script_wait(script, 90);
    assert_true(script_vm_is(script, "a", VM_SUSPENDED));
    script_act(script, "a", VERB_START, 0);
    script_wait(script, 10);
    script_act(script, "a", VERB_PAUSE, 0);
    script_wait(script, 10);
    assert_true(script_vm_is(script, "a", VM_PAUSED));
    process_lose_power(script->world, script->hosts[0]);
    script_wait(script, 90);
    assert_true(script_vm_is(script, "a", VM_CRASHED));
    process_crash(script->world, script->hosts[0], 1000); /* without another loss of power */
    script_wait(script, 60);
    script_tells(script, "cloud0 instructs suspend\n"
                         "cloud0 replies suspend running, ok\n"
                         "cluster-inner0 instructs suspend\n"
                         "host-inner2 works: suspend\n"
                         "host-inner2 results ok, suspended\n"
                         "cluster-inner0 results ok, suspended\n"
                         "cloud0 instructs start\n"
                         "cloud0 replies start running, ok\n"
                         "cluster-inner0 instructs start\n"
                         "host-inner2 works: start\n"
                         "host-inner2 results ok, running\n"
                         "cluster-inner0 results ok, running\n"
                         "cloud0 instructs pause\n"
                         "cloud0 replies pause running, ok\n"
                         "cluster-inner0 instructs pause\n"
                         "host-inner2 works: pause\n"
                         "host-inner2 results ok, paused\n"
                         "cluster-inner0 results ok, paused\n");
    assert_true(script_vm_is(script, "a", VM_CRASHED));
    script_ends(script);
}

/* What is under way is not locked: it goes on, or it would be neither done nor undone. */
static void a_lock_that_races_a_running_operation_is_busy_and_then_holds(void **state) {
    (void)state;
    struct script *script = with_vm();
    script->world->slow = script->hosts[0];
    script->world->slow_ms = 5000;
    script_act(script, "a", VERB_STOP, 0);
    script_wait(script, 2);
    script_act(script, "a", VERB_LOCK, 0);
    script_wait(script, 8);
    script_act(script, "a", VERB_LOCK, 0);
    script_wait(script, 1);
    process_crash(script->world, script->cloud, 1000);
    script_wait(script, 10);
    script_act(script, "a", VERB_DELETE, 0);
    script_act(script, "a", VERB_UNLOCK, 0);
    script_act(script, "a", VERB_DELETE, 0);
    script_wait(script, 60);
    script_tells(script, "cloud0 instructs stop\n"
                         "cloud0 replies stop running, ok\n"
                         "cluster-inner0 instructs stop\n"
                         "host-inner2 works: stop\n"
                         "cloud0 refuses busy\n"
                         "host-inner2 results ok, stopped\n"
                         "cluster-inner0 results ok, stopped\n"
                         "cloud0 replies lock succeeded, ok\n"
                         "cloud0 refuses locked\n"
                         "cloud0 replies unlock succeeded, ok\n"
                         "cloud0 instructs delete\n"
                         "cloud0 replies delete running, ok\n"
                         "cluster-inner0 instructs delete\n"
                         "host-inner2 works: remove\n"
                         "host-inner2 results ok, deleted\n"
                         "cluster-inner0 results ok, deleted\n");
    assert_int_equal(script_vms(script), 0);
    script_ends(script);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_pause_that_races_a_power_loss_ends_as_interrupted_and_the_vm_is_crashed),
        cmocka_unit_test(a_lock_that_races_a_running_operation_is_busy_and_then_holds),
        cmocka_unit_test(a_power_loss_ends_a_paused_vm_and_leaves_a_suspended_one_as_it_is),
        cmocka_unit_test(
            a_lost_reply_after_the_work_was_done_is_told_again_and_nothing_is_done_twice),
        cmocka_unit_test(a_manager_that_restarts_does_not_believe_that_all_vms_are_off),
        cmocka_unit_test(a_vm_deleted_while_its_cluster_is_away_is_gone_when_that_is_back),
        cmocka_unit_test(a_repeat_of_an_old_instruction_after_a_newer_one_does_nothing),
        cmocka_unit_test(a_result_after_the_deadline_changes_the_vm_and_not_the_operation),
        cmocka_unit_test(
            a_resize_that_the_deadline_ends_counts_as_the_larger_until_the_host_tells),
        cmocka_unit_test(a_resize_that_races_its_hosts_crash_is_done_once_that_is_back),
        cmocka_unit_test(a_tenants_retry_after_a_time_out_gets_the_same_operation),
        cmocka_unit_test(one_hung_host_does_not_delay_the_others),
        cmocka_unit_test(a_host_renamed_keeps_its_vms),
        cmocka_unit_test(a_host_renamed_while_it_works_tells_what_came_of_it),
        cmocka_unit_test(quota_counts_what_a_cluster_that_is_away_may_still_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
