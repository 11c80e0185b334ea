/* The agent: from instructions to host jobs, what failure undoes, what a crash resumes, and how
 * long a guest is waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/books/lifecycle.h"
#include "core/books/reshape.h"
#include "core/role.h"
#include "host.h"

static int set_up(void **state) {
    (void)state;
    host_open(NULL);
    return 0;
}

static void assert_no_result(void) {
    assert_null(bench_told(&bench, manager, MESSAGE_RESULT));
}

static void before_the_host_is_scanned_nothing_is_said(void **state) {
    (void)state;
    bench_restart(&bench);
    host_assert_job(JOB_SCAN);
    struct event_presence up = {manager->setting.link, NULL, PRESENCE_UP};
    effects_clear(&bench.effects);
    bench_step(&bench, (struct event){.kind = EVENT_LINK, .presence = up});
    host_tell(NULL);
    assert_int_equal(bench_count(&bench, EFFECT_SEND), 0);
    bench_step(&bench, (struct event){.kind = EVENT_SCANNED});
    assert_int_equal(bench_count(&bench, EFFECT_READY), 1);
    assert_non_null(bench_told(&bench, manager, MESSAGE_HELLO));
}

static void each_verb_goes_through_its_stages(void **state) {
    (void)state;
    host_run_vm();
    static const struct {
        enum verb verb;
        enum job_kind job;
        enum vm_state after;
    } simple[] = {{VERB_STOP, JOB_STOP, VM_STOPPED},     {VERB_START, JOB_START, VM_RUNNING},
                  {VERB_PAUSE, JOB_PAUSE, VM_PAUSED},    {VERB_RESUME, JOB_RESUME, VM_RUNNING},
                  {VERB_SUSPEND, JOB_SUSPEND, VM_SUSPENDED}, {VERB_START, JOB_START, VM_RUNNING},
                  {VERB_SUSPEND, JOB_SUSPEND, VM_SUSPENDED}, {VERB_STOP, JOB_STOP, VM_STOPPED},
                  {VERB_START, JOB_START, VM_RUNNING}};
    for (size_t i = 0; i < array_size(simple); i++) {
        bench_say(&bench, manager, bench_instruct("2", "1", 2 + i, simple[i].verb));
        host_assert_job(simple[i].job);
        host_end_job(CODE_OK);
        (void)host_assert_result(CODE_OK, simple[i].after);
    }
    bench_say(&bench, manager, bench_instruct("4", "1", 14, VERB_REBOOT));
    host_assert_job(JOB_REBOOT);
    host_end_job(CODE_OK);
    host_domain_is("1", 1, VM_RUNNING, DOMAIN_REBOOTED);
    (void)host_assert_result(CODE_OK, VM_RUNNING);
    bench_say(&bench, manager, bench_instruct("5", "1", 15, VERB_SHUTDOWN));
    host_assert_job(JOB_SHUTDOWN);
    host_end_job(CODE_OK);
    host_domain_is("1", 1, VM_STOPPED, DOMAIN_CHANGED);
    (void)host_assert_result(CODE_OK, VM_STOPPED);
    bench_say(&bench, manager, bench_instruct("6", "1", 20, VERB_DELETE));
    host_assert_job(JOB_REMOVE);
    host_end_job(CODE_OK);
    (void)host_assert_result(CODE_OK, VM_DELETED);
}

static void a_definition_is_fetched_created_and_started_if_asked(void **state) {
    (void)state;
    struct message define = bench_define("1", "1", 1, &bench_shapes[0]);
    bench_say(&bench, manager, define);
    host_assert_job(JOB_FETCH);
    assert_string_equal(host_job()->definition.image, define.instruct.definition.image);
    host_end_job(CODE_OK);
    host_assert_job(JOB_CREATE);
    assert_string_equal(host_job()->definition.name, "web-1");
    assert_no_result();
    host_end_job(CODE_OK);
    host_assert_starting();
    assert_no_result();
    host_end_job(CODE_OK);
    assert_null(host_job());
    (void)host_assert_result(CODE_OK, VM_RUNNING);
    define = bench_define("2", "2", 1, &bench_shapes[0]);
    define.instruct.definition.start = false;
    bench_say(&bench, manager, define);
    host_end_job(CODE_OK);
    host_end_job(CODE_OK);
    assert_null(host_job());
    (void)host_assert_result(CODE_OK, VM_STOPPED);
}

static void a_definition_that_fails_anywhere_is_undone_and_tells_the_first_cause(void **state) {
    (void)state;
    static const enum step steps[] = {STEP_FETCHING, STEP_PREPARING, STEP_STARTING};
    for (size_t fails = 0; fails < array_size(steps); fails++) {
        char number[4];
        text_format(number, sizeof(number), "%zu", fails + 1);
        bench_say(&bench, manager, bench_define(number, number, 1, &bench_shapes[1]));
        for (size_t i = 0; i < fails; i++)
            host_end_job(CODE_OK);
        host_end_job(CODE_IMAGE_BROKEN);
        host_assert_job(JOB_REMOVE);
        assert_no_result();
        host_end_job(CODE_OK);
        (void)host_assert_result(CODE_IMAGE_BROKEN, VM_FAILED);
        assert_int_equal(bench_told(&bench, manager, MESSAGE_RESULT)->result.step, steps[fails]);
    } /* each took the whole host, and gave it back */
}

static void what_could_not_be_undone_is_told_as_being_there(void **state) {
    (void)state;
    bench_say(&bench, manager, bench_define("1", "1", 1, &bench_shapes[0]));
    host_end_job(CODE_OK);
    host_end_job(CODE_HOST_FAILED);
    host_end_job(CODE_HOST_FAILED);
    (void)host_assert_result(CODE_HOST_FAILED, VM_STOPPED);
}

static void another_verb_that_fails_leaves_the_vm_as_it_was(void **state) {
    (void)state;
    host_run_vm();
    bench_say(&bench, manager, bench_instruct("2", "1", 2, VERB_STOP));
    host_end_job(CODE_HOST_FAILED);
    assert_null(host_job());
    (void)host_assert_result(CODE_HOST_FAILED, VM_RUNNING);
    bench_say(&bench, manager, bench_instruct("3", "1", 3, VERB_STOP));
    host_end_job(CODE_LOST);
    (void)host_assert_result(CODE_LOST, VM_LOST);
}

static void a_verb_that_the_state_does_not_permit_starts_no_job(void **state) {
    (void)state;
    static const enum vm_state states[] = {VM_STOPPED,   VM_RUNNING, VM_PAUSED,
                                           VM_SUSPENDED, VM_CRASHED, VM_LOST};
    uint64_t generation = 2;
    host_run_vm();
    for (size_t i = 0; i < array_size(states); i++)
        for (enum verb verb = VERB_START; verb < VERB_DELETE; verb++) {
            if (verb_reaches[verb] != VERB_BELOW)
                continue;
            if (reshape_tells(verb) && lifecycle_permits(verb, states[i]))
                continue; /* with arguments: test_reshape.c */
            host_domain_is("1", 1, states[i], DOMAIN_CHANGED);
            bench_say(&bench, manager, bench_instruct("2", "1", generation, verb));
            if (lifecycle_permits(verb, states[i])) {
                assert_int_equal(bench_count(&bench, EFFECT_JOB), 1);
                host_end_job(CODE_HOST_FAILED);
            } else {
                assert_null(host_job());
                (void)host_assert_result(states[i] == VM_LOST ? CODE_LOST : CODE_BAD_STATE,
                                         states[i]);
            }
            struct message settled = {.kind = MESSAGE_SETTLED};
            text_set(settled.settled.op, bench_instruct("2", "1", 1, verb).instruct.op);
            bench_say(&bench, manager, settled);
            generation++;
        }
}

static void a_guest_that_does_not_act_is_waited_for_a_minute(void **state) {
    (void)state;
    static const enum verb verbs[] = {VERB_SHUTDOWN, VERB_REBOOT};
    host_run_vm();
    for (size_t i = 0; i < array_size(verbs); i++) {
        char op[4];
        text_format(op, sizeof(op), "%zu", i + 2);
        bench_say(&bench, manager, bench_instruct(op, "1", i + 2, verbs[i]));
        host_end_job(CODE_OK);
        bench_pass(&bench, 55000);
        bench_pass(&bench, 4999);
        assert_no_result();
        bench_pass(&bench, 1);
        (void)host_assert_result(CODE_GUEST_IGNORED, VM_RUNNING);
    }
}

static void a_guest_that_acts_before_the_asking_ends_is_heard(void **state) {
    (void)state;
    host_run_vm();
    bench_say(&bench, manager, bench_instruct("2", "1", 2, VERB_REBOOT));
    uint64_t number = host_job()->job;
    host_domain_is("1", 1, VM_RUNNING, DOMAIN_REBOOTED);
    assert_no_result();
    struct event event = {.kind = EVENT_JOB, .job = {number, CODE_OK}};
    bench_step(&bench, event);
    (void)host_assert_result(CODE_OK, VM_RUNNING);
    bench_say(&bench, manager, bench_instruct("3", "1", 3, VERB_SHUTDOWN));
    event.job.job = host_job()->job;
    host_domain_is("1", 1, VM_STOPPED, DOMAIN_CHANGED);
    bench_step(&bench, event);
    (void)host_assert_result(CODE_OK, VM_STOPPED);
}

/* The guest ends before the job that starts it does: as the host says, not as it was asked for. */
static void a_guest_that_ends_within_its_start_is_not_running(void **state) {
    (void)state;
    bench_say(&bench, manager, bench_define("1", "1", 1, &bench_shapes[0]));
    host_end_job(CODE_OK);
    struct event started = {.kind = EVENT_JOB, .job = {host_job()->job, CODE_OK}};
    host_end_job(CODE_OK);
    host_assert_starting();
    host_domain_is("1", 1, VM_STOPPED, DOMAIN_CHANGED); /* of before: it has not run yet */
    host_domain_is("1", 1, VM_RUNNING, DOMAIN_CHANGED);
    host_domain_is("1", 1, VM_CRASHED, DOMAIN_CHANGED);
    bench_step(&bench, started);
    (void)host_assert_result(CODE_OK, VM_CRASHED);
    bench_say(&bench, manager, bench_instruct("2", "1", 2, VERB_START));
    started.job.job = host_job()->job;
    host_domain_is("1", 1, VM_RUNNING, DOMAIN_CHANGED);
    host_domain_is("1", 1, VM_CRASHED, DOMAIN_CHANGED);
    host_domain_is("1", 1, VM_RUNNING, DOMAIN_CHANGED); /* somebody else started it */
    bench_step(&bench, started);
    (void)host_assert_result(CODE_OK, VM_RUNNING);
}

static void a_full_host_refuses_and_has_room_again_after_a_deletion(void **state) {
    (void)state;
    bench_say(&bench, manager, bench_define("1", "1", 1, &bench_shapes[1]));
    host_end_job(CODE_OK);
    host_end_job(CODE_OK);
    host_end_job(CODE_OK);
    const struct message *told = bench_told(&bench, manager, MESSAGE_CAPACITY);
    assert_int_equal(told ? told->capacity.cpus_free : 0, 0);
    bench_say(&bench, manager, bench_define("2", "2", 1, &bench_shapes[0]));
    assert_null(host_job());
    (void)host_assert_result(CODE_NO_CAPACITY, VM_FAILED);
    bench_say(&bench, manager, bench_instruct("3", "1", 2, VERB_DELETE));
    host_end_job(CODE_OK);
    told = bench_told(&bench, manager, MESSAGE_CAPACITY);
    assert_int_equal(told->capacity.cpus_free, 4);
    assert_int_equal(told->capacity.fits[0].count, 4);
    assert_int_equal(told->capacity.fits[1].count, 1);
    bench_say(&bench, manager, bench_define("4", "3", 1, &bench_shapes[0]));
    host_assert_job(JOB_FETCH);
}

static void why_a_job_failed_is_told_to_whom_asks_for_it_alone(void **state) {
    (void)state;
    static const struct event_job broken = {.code = CODE_IMAGE_UNAVAILABLE, .why = "no route"};
    bench_say(&bench, manager, bench_define("1", "1", 1, &bench_shapes[0]));
    host_end(broken);
    host_end_job(CODE_OK); /* of what undoes it */
    assert_null(host_assert_result(CODE_IMAGE_UNAVAILABLE, VM_FAILED)->why);
    bench.asks_why = true;
    bench_cut(&bench, manager);
    bench_welcome(&bench, manager);
    bench_say(&bench, manager, bench_define("2", "2", 1, &bench_shapes[0]));
    host_end(broken);
    host_end((struct event_job){.code = CODE_OK, .why = "nothing"});
    assert_string_equal(host_assert_result(CODE_IMAGE_UNAVAILABLE, VM_FAILED)->why, "no route");
}

static void a_full_disk_takes_no_new_vm_and_lets_those_there_end(void **state) {
    (void)state;
    static const struct event fills[] = {
        {.kind = EVENT_HOST, .host = {{4, 4096, 50}, "test", .is_full = true}},
        {.kind = EVENT_DISK, .disk = {true}}};
    static const struct event frees[] = {
        {.kind = EVENT_HOST, .host = {{4, 4096, 50}, "test"}},
        {.kind = EVENT_DISK, .disk = {false}}};
    for (size_t i = 0; i < array_size(fills); i++) {
        char vm[] = {(char)('1' + i), 0}, make[] = {(char)('3' + i), 0};
        char end[] = {(char)('5' + i), 0};
        bench_say(&bench, manager, bench_define(vm, vm, 1, &bench_shapes[0]));
        for (size_t stage = 0; stage < 3; stage++)
            host_end_job(CODE_OK);
        bench_step(&bench, fills[i]);
        bench_pass(&bench, 500);
        const struct message *told = bench_told(&bench, manager, MESSAGE_CAPACITY);
        assert_true(told->capacity.disk_full);
        assert_int_equal(told->capacity.fits[0].count, 0);
        bench_say(&bench, manager, bench_define(make, "7", i + 1, &bench_shapes[0]));
        assert_null(host_job());
        (void)host_assert_result(CODE_NO_CAPACITY, VM_FAILED);
        bench_say(&bench, manager, bench_instruct(end, vm, 2, VERB_DELETE));
        host_assert_job(JOB_REMOVE);
        host_end_job(CODE_OK);
        (void)host_assert_result(CODE_OK, VM_DELETED);
        bench_step(&bench, frees[i]);
        bench_pass(&bench, 500);
        assert_int_equal(bench_told(&bench, manager, MESSAGE_CAPACITY)->capacity.fits[0].count, 4);
    }
}

static void a_repeated_instruction_is_done_once_and_answered_again(void **state) {
    (void)state;
    bench_say(&bench, manager, bench_define("1", "1", 1, &bench_shapes[0]));
    const uint64_t number = host_job()->job;
    bench_say(&bench, manager, bench_define("1", "1", 1, &bench_shapes[0]));
    assert_null(host_job());
    effects_clear(&bench.effects);
    bench_step(&bench, (struct event){.kind = EVENT_JOB, .job = {number, CODE_OK}});
    host_end_job(CODE_OK);
    host_end_job(CODE_OK);
    bench_say(&bench, manager, bench_define("1", "1", 1, &bench_shapes[0]));
    assert_null(host_job());
    (void)host_assert_result(CODE_OK, VM_RUNNING);
}

static void a_deletion_waits_for_the_job_under_way_and_both_get_their_end(void **state) {
    (void)state;
    bench_say(&bench, manager, bench_define("1", "1", 1, &bench_shapes[0]));
    const uint64_t number = host_job()->job;
    bench_say(&bench, manager, bench_instruct("2", "1", 2, VERB_DELETE));
    assert_null(host_job()); /* one at a time */
    (void)host_assert_result(CODE_SUPERSEDED, VM_DELETING);
    effects_clear(&bench.effects);
    bench_step(&bench, (struct event){.kind = EVENT_JOB, .job = {number, CODE_OK}});
    host_assert_job(JOB_REMOVE);
    host_end_job(CODE_OK);
    (void)host_assert_result(CODE_OK, VM_DELETED);
}

static void an_instruction_whose_time_is_over_is_not_begun(void **state) {
    (void)state;
    struct message define = bench_define("1", "1", 1, &bench_shapes[0]);
    define.instruct.within_ms = 0;
    bench_say(&bench, manager, define);
    assert_null(host_job());
    (void)host_assert_result(CODE_DEADLINE, VM_FAILED);
    assert_int_equal(role_book(bench.role)->vms_count, 0);
}

/* The daemon is killed and comes back; the scan finds "1" in this state (VM_LOST: not at all). */
static void crash(enum vm_state found) {
    bench_restart(&bench);
    host_tell(NULL);
    if (found != VM_LOST)
        host_domain_is("1", 1, found, DOMAIN_FOUND);
    effects_clear(&bench.effects);
    bench_step(&bench, (struct event){.kind = EVENT_SCANNED});
}

/* The host lost power, and the agent with it. */
static void cut(enum vm_state found) {
    bench_restart(&bench);
    host_tell(NULL);
    host_domain_is("1", 1, found, DOMAIN_CUT);
    effects_clear(&bench.effects);
    bench_step(&bench, (struct event){.kind = EVENT_SCANNED});
}

static enum vm_state state_of_1(void) {
    return book_vm(role_book(bench.role), bench_instruct("1", "1", 1, VERB_STOP).instruct.vm)
        ->record.state;
}

static void a_vm_that_ran_when_the_host_lost_power_is_started_again(void **state) {
    (void)state;
    host_run_vm();
    cut(VM_STOPPED);
    host_assert_job(JOB_START);
    assert_int_equal(state_of_1(), VM_RUNNING); /* as it is wanted, also if we die now */
    cut(VM_CRASHED);
    host_assert_job(JOB_START);
    host_end_job(CODE_OK);
    assert_int_equal(state_of_1(), VM_RUNNING);
    crash(VM_STOPPED); /* without a loss of power: somebody has stopped it */
    assert_null(host_job());
    assert_int_equal(state_of_1(), VM_STOPPED);
    cut(VM_STOPPED); /* was not running */
    assert_null(host_job());
}

static void a_vm_that_cannot_be_started_again_is_told_as_stopped(void **state) {
    (void)state;
    host_run_vm();
    cut(VM_STOPPED);
    host_end_job(CODE_HOST_FAILED);
    assert_int_equal(state_of_1(), VM_STOPPED);
}

static void a_vm_that_was_held_in_memory_when_the_host_lost_power_is_crashed(void **state) {
    (void)state;
    host_run_vm();
    bench_say(&bench, manager, bench_instruct("2", "1", 2, VERB_PAUSE));
    host_assert_job(JOB_PAUSE);
    host_end_job(CODE_OK);
    (void)host_assert_result(CODE_OK, VM_PAUSED);
    for (int i = 0; i < 2; i++) { /* and stays so, however often it is found */
        cut(VM_STOPPED);
        assert_null(host_job());
        assert_int_equal(state_of_1(), VM_CRASHED);
    }
}

static void what_needs_the_memory_that_a_power_loss_took_is_interrupted(void **state) {
    (void)state;
    static const enum verb verbs[] = {VERB_PAUSE, VERB_SUSPEND, VERB_RESUME};
    uint64_t generation = 2;
    host_run_vm();
    for (size_t i = 0; i < array_size(verbs); i++) {
        if (verbs[i] == VERB_RESUME)
            host_domain_is("1", 1, VM_PAUSED, DOMAIN_CHANGED);
        bench_say(&bench, manager, bench_instruct("2", "1", generation++, verbs[i]));
        assert_int_equal(bench_count(&bench, EFFECT_JOB), 1);
        cut(VM_STOPPED);
        assert_null(host_job());
        bench_welcome(&bench, manager);
        (void)host_assert_result(CODE_INTERRUPTED, VM_CRASHED);
        bench_say(&bench, manager, bench_instruct("3", "1", generation++, VERB_START));
        host_end_job(CODE_OK);
        (void)host_assert_result(CODE_OK, VM_RUNNING);
    }
    bench_say(&bench, manager, bench_instruct("4", "1", generation++, VERB_SUSPEND));
    cut(VM_SUSPENDED); /* it was saved before the power went */
    host_assert_job(JOB_SUSPEND);
    host_end_job(CODE_OK);
    assert_int_equal(state_of_1(), VM_SUSPENDED);
}

static void an_operation_waits_for_the_restart_and_then_runs(void **state) {
    (void)state;
    host_run_vm();
    cut(VM_STOPPED);
    const struct event started = {.kind = EVENT_JOB, .job = {host_job()->job, CODE_OK}};
    bench_welcome(&bench, manager);
    bench_say(&bench, manager, bench_instruct("2", "1", 2, VERB_STOP));
    assert_null(host_job());
    bench_step(&bench, started);
    host_assert_job(JOB_STOP);
    host_end_job(CODE_OK);
    assert_int_equal(state_of_1(), VM_STOPPED);
}

static void a_definition_that_a_crash_interrupted_is_begun_again(void **state) {
    (void)state;
    for (size_t done = 0; done < 3; done++) {
        char number[4];
        text_format(number, sizeof(number), "%zu", done + 1);
        bench_say(&bench, manager, bench_define(number, number, 1, &bench_shapes[0]));
        for (size_t i = 0; i < done; i++)
            host_end_job(CODE_OK);
        bench_restart(&bench);
        host_tell(NULL);
        effects_clear(&bench.effects);
        bench_step(&bench, (struct event){.kind = EVENT_SCANNED});
        host_assert_job(JOB_FETCH);
        host_end_job(CODE_OK);
        host_assert_job(JOB_CREATE);
        host_end_job(CODE_OK);
        host_assert_starting();
        host_end_job(CODE_OK);
        bench_welcome(&bench, manager);
        (void)host_assert_result(CODE_OK, VM_RUNNING);
        bench_say(&bench, manager, bench_instruct("9", number, 2, VERB_DELETE));
        host_end_job(CODE_OK);
        struct message settled = {.kind = MESSAGE_SETTLED};
        text_set(settled.settled.op, bench_instruct("9", "1", 1, VERB_STOP).instruct.op);
        bench_say(&bench, manager, settled);
    }
}

static void an_undoing_that_a_crash_interrupted_goes_on_and_keeps_the_cause(void **state) {
    (void)state;
    bench_say(&bench, manager, bench_define("1", "1", 1, &bench_shapes[0]));
    host_end_job(CODE_OK);
    host_end_job(CODE_IMAGE_TOO_LARGE);
    crash(VM_STOPPED);
    host_assert_job(JOB_REMOVE);
    host_end_job(CODE_OK);
    bench_welcome(&bench, manager);
    (void)host_assert_result(CODE_IMAGE_TOO_LARGE, VM_FAILED);
    assert_int_equal(bench_told(&bench, manager, MESSAGE_RESULT)->result.step, STEP_PREPARING);
}

static void a_reboot_that_a_crash_interrupted_is_not_repeated(void **state) {
    (void)state;
    host_run_vm();
    bench_say(&bench, manager, bench_instruct("2", "1", 2, VERB_REBOOT));
    crash(VM_RUNNING);
    assert_null(host_job());
    bench_welcome(&bench, manager);
    (void)host_assert_result(CODE_INTERRUPTED, VM_RUNNING);
}

static void a_shutdown_that_a_crash_interrupted_is_done_if_the_vm_is_off(void **state) {
    (void)state;
    host_run_vm();
    bench_say(&bench, manager, bench_instruct("2", "1", 2, VERB_SHUTDOWN));
    crash(VM_RUNNING);
    host_assert_job(JOB_SHUTDOWN);
    crash(VM_STOPPED);
    assert_null(host_job());
    bench_welcome(&bench, manager);
    (void)host_assert_result(CODE_OK, VM_STOPPED);
}

static void a_vm_that_the_scan_does_not_find_is_lost(void **state) {
    (void)state;
    host_run_vm();
    crash(VM_LOST);
    bench_welcome(&bench, manager);
    bench_say(&bench, manager, (struct message){.kind = MESSAGE_SYNC});
    assert_int_equal(bench_told(&bench, manager, MESSAGE_TABLE)->table.vms[0].state, VM_LOST);
}

static void a_change_of_a_domain_is_told_unless_it_is_of_another_epoch(void **state) {
    (void)state;
    host_run_vm();
    struct event old = {.kind = EVENT_DOMAIN, .domain = {"", 2, VM_STOPPED, DOMAIN_CHANGED}};
    text_set(old.domain.vm, bench_instruct("1", "1", 1, VERB_STOP).instruct.vm);
    effects_clear(&bench.effects);
    bench_step(&bench, old);
    assert_int_equal(bench.effects.count, 0);
    host_domain_is("1", 1, VM_CRASHED, DOMAIN_CHANGED);
    assert_int_equal(bench_told(&bench, manager, MESSAGE_VM)->vm.state, VM_CRASHED);
}

static void a_stop_waits_for_the_job_under_way_and_begins_nothing(void **state) {
    (void)state;
    bench_say(&bench, manager, bench_define("1", "1", 1, &bench_shapes[0]));
    const uint64_t number = host_job()->job;
    effects_clear(&bench.effects);
    bench_step(&bench, (struct event){.kind = EVENT_STOP});
    assert_int_equal(bench_count(&bench, EFFECT_DONE), 0);
    bench_say(&bench, manager, bench_define("2", "2", 1, &bench_shapes[0]));
    assert_int_equal(role_book(bench.role)->ops_count, 1);
    effects_clear(&bench.effects);
    bench_step(&bench, (struct event){.kind = EVENT_JOB, .job = {number, CODE_OK}});
    assert_null(host_job());
    assert_int_equal(bench_count(&bench, EFFECT_DONE), 1);
    crash(VM_LOST);
    assert_int_equal(bench_count(&bench, EFFECT_JOB), 1); /* it goes on after the restart */
}

#define with_agent(test) cmocka_unit_test_setup_teardown(test, set_up, cluster_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_agent(before_the_host_is_scanned_nothing_is_said),
        with_agent(each_verb_goes_through_its_stages),
        with_agent(a_definition_is_fetched_created_and_started_if_asked),
        with_agent(a_definition_that_fails_anywhere_is_undone_and_tells_the_first_cause),
        with_agent(what_could_not_be_undone_is_told_as_being_there),
        with_agent(another_verb_that_fails_leaves_the_vm_as_it_was),
        with_agent(a_verb_that_the_state_does_not_permit_starts_no_job),
        with_agent(a_guest_that_does_not_act_is_waited_for_a_minute),
        with_agent(a_guest_that_acts_before_the_asking_ends_is_heard),
        with_agent(a_guest_that_ends_within_its_start_is_not_running),
        with_agent(a_full_host_refuses_and_has_room_again_after_a_deletion),
        with_agent(why_a_job_failed_is_told_to_whom_asks_for_it_alone),
        with_agent(a_full_disk_takes_no_new_vm_and_lets_those_there_end),
        with_agent(a_repeated_instruction_is_done_once_and_answered_again),
        with_agent(a_deletion_waits_for_the_job_under_way_and_both_get_their_end),
        with_agent(an_instruction_whose_time_is_over_is_not_begun),
        with_agent(a_vm_that_ran_when_the_host_lost_power_is_started_again),
        with_agent(a_vm_that_cannot_be_started_again_is_told_as_stopped),
        with_agent(a_vm_that_was_held_in_memory_when_the_host_lost_power_is_crashed),
        with_agent(what_needs_the_memory_that_a_power_loss_took_is_interrupted),
        with_agent(an_operation_waits_for_the_restart_and_then_runs),
        with_agent(a_definition_that_a_crash_interrupted_is_begun_again),
        with_agent(an_undoing_that_a_crash_interrupted_goes_on_and_keeps_the_cause),
        with_agent(a_reboot_that_a_crash_interrupted_is_not_repeated),
        with_agent(a_shutdown_that_a_crash_interrupted_is_done_if_the_vm_is_off),
        with_agent(a_vm_that_the_scan_does_not_find_is_lost),
        with_agent(a_change_of_a_domain_is_told_unless_it_is_of_another_epoch),
        with_agent(a_stop_waits_for_the_job_under_way_and_begins_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
