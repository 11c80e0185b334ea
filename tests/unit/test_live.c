/* VMs that leave a host which is to be empty while they run: who is asked for what, in which order,
 * and what becomes of them when somebody fails, falls silent, crashes or is given up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cluster.h"
#include "message/owner.h"

static void connect_hosts(void) {
    bench_hello_live(&bench, bench_agent(&bench, 0), 3);
    bench_hello_live(&bench, bench_agent(&bench, 1), 2);
}

static int set_up(void **state) {
    (void)state;
    cluster_open((const uint64_t[]){3, 2}, 2, (struct amounts){0});
    connect_hosts();
    bench_pass(&bench, 200);
    return 0;
}

static const struct reply *ask(enum request_kind kind, const char *key) {
    static uint64_t handle;
    struct request request = {.kind = kind, .handle = ++handle};
    text_set(request.key, key);
    return bench_ask(&bench, &request);
}

static const struct hosted_vm *vm(void) {
    const struct reply *reply = ask(REQUEST_VM_LIST, "");
    assert_int_equal(reply->kind, REPLY_LIST);
    return reply->list_count ? reply->list[0].data : NULL;
}

static void assert_is(const char *host, enum vm_state state, enum move move) {
    const struct hosted_vm *it = vm();
    assert_non_null(it);
    assert_string_equal(it->host, host);
    assert_string_equal(vm_state_names[it->state], vm_state_names[state]);
    assert_string_equal(move_names[it->move], move_names[move]);
}

static void run_vm(enum on_drain on_drain) {
    struct message define = bench_define("1", "1", 1, &bench_shapes[0]);
    define.instruct.definition.on_drain = on_drain;
    define.instruct.definition.start = true;
    bench_say(&bench, cloud, define);
    cluster_image(CODE_OK);
    cluster_answer(CODE_OK, VM_RUNNING);
    assert_is("agent-0", VM_RUNNING, MOVE_NONE);
}

/* The newest step has instructed this host, and nobody else. */
static struct message instructed(size_t agent, enum verb verb, uint32_t epoch) {
    struct message instruct;
    struct far *to = cluster_instructed(&instruct);
    assert_ptr_equal(to, bench_agent(&bench, agent));
    assert_string_equal(verb_names[instruct.instruct.verb], verb_names[verb]);
    assert_int_equal(instruct.instruct.epoch, epoch);
    assert_null(bench_told(&bench, bench_agent(&bench, 1 - agent), MESSAGE_INSTRUCT));
    return instruct;
}

static void assert_nobody_instructed(void) {
    struct message instruct;
    assert_null(cluster_instructed(&instruct));
}

static void answer(size_t agent, const struct message *instruct, enum code code,
                   enum vm_state state) {
    bench_say(&bench, bench_agent(&bench, agent), bench_result(instruct, code, state));
}

static void image_comes(void) {
    struct event event = {.kind = EVENT_IMAGE, .image.code = CODE_OK};
    text_set(event.image.digest, vm()->digest);
    event.image.link = cloud->setting.link;
    assert_int_equal(vm()->stays, STAY_FETCHING);
    effects_clear(&bench.effects);
    bench_step(&bench, event);
}

/* Up to the moment at which the destination is asked. */
static struct message leave(enum on_drain on_drain, enum request_kind kind) {
    run_vm(on_drain);
    assert_non_null(ask(kind, "agent-0"));
    image_comes();
    struct message receive = instructed(1, VERB_RECEIVE, 2);
    assert_is("agent-0", VM_RUNNING, MOVE_RECEIVING);
    return receive;
}

static struct message be_ready(const struct message *receive) {
    struct message ready = bench_result(receive, CODE_OK, VM_PENDING);
    ready.result.landing = (struct landing){.epoch = 2, .uri = memory_text("qemu+tls://b/system"),
                                            .folder = memory_text("/b")};
    bench_say(&bench, bench_agent(&bench, 1), ready);
    struct message migrate = instructed(0, VERB_MIGRATE, 1);
    assert_string_equal(migrate.instruct.landing.uri, "qemu+tls://b/system");
    assert_string_equal(migrate.instruct.landing.folder, "/b");
    assert_int_equal(migrate.instruct.landing.epoch, 2);
    assert_is("agent-0", VM_RUNNING, MOVE_MIGRATING);
    return migrate;
}

static struct message migrate(enum on_drain on_drain, enum request_kind kind) {
    struct message receive = leave(on_drain, kind);
    return be_ready(&receive);
}

static void assert_nothing_above(void) {
    for (enum message_kind kind = MESSAGE_VM; kind <= MESSAGE_RESULT; kind++)
        assert_null(bench_told(&bench, cloud, kind));
}

static void it_goes_on_elsewhere_and_nobody_above_hears_of_it(void **state) {
    (void)state;
    struct message told = migrate(ON_DRAIN_MIGRATE, REQUEST_HOST_DRAIN);
    answer(0, &told, CODE_OK, VM_DELETED);
    assert_nothing_above();
    told = instructed(1, VERB_ADOPT, 2);
    assert_is("agent-1", VM_RUNNING, MOVE_ADOPTING);
    answer(1, &told, CODE_OK, VM_RUNNING);
    assert_nothing_above();
    assert_is("agent-1", VM_RUNNING, MOVE_NONE);
    bench_say(&bench, cloud, bench_instruct("2", "1", 2, VERB_REBOOT));
    (void)instructed(1, VERB_REBOOT, 2);
}

static void what_its_host_says_is_there_is_discarded_elsewhere(void **state) {
    (void)state;
    struct message told = migrate(ON_DRAIN_MIGRATE, REQUEST_HOST_DRAIN);
    answer(0, &told, CODE_HOST_FAILED, VM_RUNNING);
    told = instructed(1, VERB_DELETE, 2);
    assert_is("agent-0", VM_RUNNING, MOVE_NONE);
    answer(1, &told, CODE_HOST_FAILED, VM_PAUSED); /* again, then */
    assert_nobody_instructed();
    bench_pass(&bench, 30000);
    told = instructed(1, VERB_DELETE, 2);
    answer(1, &told, CODE_OK, VM_DELETED);
    assert_int_equal(vm()->stays, STAY_FAILED);
    bench_pass(&bench, 3600000);
    assert_int_equal(vm()->stays, STAY_FAILED); /* of a drain it is tried once */
}

static void assert_noted(const char *words) {
    bool found = false;
    for (size_t i = 0; i < bench.effects.count; i++)
        found |= bench.effects.items[i].kind == EFFECT_NOTE &&
                 strstr(bench.effects.items[i].note.text, words);
    assert_true(found);
}

/* What it says; the VM stays, and nothing of what was said goes to the VM's own host. */
static void say_landing(const char *uri, const char *folder) {
    struct message receive = leave(ON_DRAIN_MIGRATE, REQUEST_HOST_DRAIN);
    struct message ready = bench_result(&receive, CODE_OK, VM_PENDING);
    ready.result.landing = (struct landing){2, memory_text(uri), memory_text(folder)};
    bench_say(&bench, bench_agent(&bench, 1), ready);
    struct message discard = instructed(1, VERB_DELETE, 2);
    assert_noted("host agent-1 says another migration_uri");
    answer(1, &discard, CODE_OK, VM_DELETED);
    assert_is("agent-0", VM_RUNNING, MOVE_NONE);
    assert_int_equal(vm()->stays, STAY_FAILED);
}

static void a_host_cannot_have_another_start_programs(void **state) {
    (void)state;
    say_landing("qemu+ext://b/system?command=/bin/sh", "/b");
}

static void a_host_cannot_name_another_host(void **state) {
    (void)state;
    say_landing("qemu+tls://a/system", "/b");
}

static void a_host_cannot_name_another_folder(void **state) {
    (void)state;
    say_landing("qemu+tls://b/system", "/etc");
}

static void a_host_without_a_configured_uri_receives_nothing(void **state) {
    (void)state;
    bench.agents[1].migration_uri = NULL;
    bench_restart(&bench);
    bench_welcome(&bench, cloud);
    connect_hosts();
    run_vm(ON_DRAIN_MIGRATE);
    assert_non_null(ask(REQUEST_HOST_DRAIN, "agent-0"));
    bench_pass(&bench, 60000);
    assert_nobody_instructed();
    assert_is("agent-0", VM_RUNNING, MOVE_NONE);
}

/* Half a minute, in which both hosts are heard. */
static void pass(void) {
    bench_pass(&bench, 15000);
    for (size_t i = 0; i < 2; i++)
        bench_say(&bench, bench_agent(&bench, i), (struct message){.kind = MESSAGE_BEAT});
    bench_pass(&bench, 15000);
}

static void a_maintenance_tries_again_ever_later(void **state) {
    (void)state;
    struct message told = leave(ON_DRAIN_MIGRATE, REQUEST_HOST_MAINTAIN);
    answer(1, &told, CODE_HOST_FAILED, VM_FAILED); /* undone: nothing is to be discarded */
    assert_nobody_instructed();
    assert_int_equal(vm()->stays, STAY_FAILED);
    pass();
    image_comes();
    told = instructed(1, VERB_RECEIVE, 2);
    answer(1, &told, CODE_HOST_FAILED, VM_FAILED);
    pass();
    assert_int_equal(vm()->stays, STAY_FAILED);
    pass();
    image_comes();
    (void)instructed(1, VERB_RECEIVE, 2);
}

static void what_may_be_made_anew_is_once_going_has_failed(void **state) {
    (void)state;
    struct message told = leave(ON_DRAIN_RESTART, REQUEST_HOST_DRAIN);
    answer(1, &told, CODE_UNSUPPORTED, VM_FAILED);
    image_comes();
    (void)instructed(0, VERB_SHUTDOWN, 1);
    assert_is("agent-0", VM_RUNNING, MOVE_LEAVING);
}

static void as_long_as_its_host_does_not_know_nothing_is_discarded_or_adopted(void **state) {
    (void)state;
    struct message told = migrate(ON_DRAIN_MIGRATE, REQUEST_HOST_DRAIN);
    answer(0, &told, CODE_BUSY, VM_RUNNING);
    assert_nobody_instructed();
    bench_pass(&bench, 30000);
    told = instructed(0, VERB_MIGRATE, 1);
    for (int minute = 0; minute < 90; minute++) { /* it is silent, through deadlines too */
        bench_pass(&bench, 60000);
        assert_null(bench_told(&bench, bench_agent(&bench, 1), MESSAGE_INSTRUCT));
        assert_is("agent-0", VM_RUNNING, MOVE_MIGRATING);
    }
    bench_hello_first(&bench, bench_agent(&bench, 0));
    told = instructed(0, VERB_MIGRATE, 1);
    assert_string_equal(told.instruct.landing.uri, "qemu+tls://b/system");
    answer(0, &told, CODE_LOST, VM_DELETED); /* settled in between: it has gone */
    bench_hello_first(&bench, bench_agent(&bench, 1));
    (void)instructed(1, VERB_ADOPT, 2);
}

static void it_goes_on_after_a_crash_at_any_point(void **state) {
    (void)state;
    struct message told = leave(ON_DRAIN_MIGRATE, REQUEST_HOST_MAINTAIN);
    bench_restart(&bench);
    bench_welcome(&bench, cloud);
    bench_hello_first(&bench, bench_agent(&bench, 0));
    assert_nobody_instructed();
    bench_hello_first(&bench, bench_agent(&bench, 1));
    told = instructed(1, VERB_RECEIVE, 2);
    (void)be_ready(&told);
    bench_restart(&bench);
    bench_welcome(&bench, cloud);
    bench_hello_first(&bench, bench_agent(&bench, 1));
    assert_nobody_instructed();
    bench_hello_first(&bench, bench_agent(&bench, 0));
    told = instructed(0, VERB_MIGRATE, 1);
    answer(0, &told, CODE_OK, VM_DELETED);
    bench_restart(&bench);
    bench_welcome(&bench, cloud);
    bench_hello_first(&bench, bench_agent(&bench, 1));
    told = instructed(1, VERB_ADOPT, 2);
    answer(1, &told, CODE_OK, VM_RUNNING);
    assert_is("agent-1", VM_RUNNING, MOVE_NONE);
}

static void one_that_stands_still_where_it_has_come_is_adopted_again(void **state) {
    (void)state;
    struct message told = migrate(ON_DRAIN_MIGRATE, REQUEST_HOST_DRAIN);
    answer(0, &told, CODE_OK, VM_DELETED);
    told = instructed(1, VERB_ADOPT, 2);
    answer(1, &told, CODE_HOST_FAILED, VM_PAUSED);
    assert_nobody_instructed();
    bench_pass(&bench, 30000);
    told = instructed(1, VERB_ADOPT, 2);
    answer(1, &told, CODE_LOST, VM_LOST);
    assert_int_equal(bench_told(&bench, cloud, MESSAGE_VM)->vm.state, VM_LOST);
    assert_is("agent-1", VM_LOST, MOVE_NONE);
}

static void a_delete_goes_to_its_host_and_then_to_where_it_was_to_go(void **state) {
    (void)state;
    (void)migrate(ON_DRAIN_MIGRATE, REQUEST_HOST_DRAIN);
    bench_say(&bench, cloud, bench_instruct("2", "1", 2, VERB_REBOOT)); /* meanwhile */
    cluster_assert_result(cloud, CODE_BUSY, VM_RUNNING);
    bench_say(&bench, cloud, bench_instruct("3", "1", 3, VERB_DELETE));
    struct message told = instructed(0, VERB_DELETE, 1);
    answer(0, &told, CODE_OK, VM_DELETED);
    assert_null(bench_told(&bench, cloud, MESSAGE_RESULT));
    told = instructed(1, VERB_DELETE, 2);
    answer(1, &told, CODE_OK, VM_DELETED);
    cluster_assert_result(cloud, CODE_OK, VM_DELETED);
}

static void what_is_asked_for_goes_before_a_discard_that_comes_back(void **state) {
    (void)state;
    struct message told = migrate(ON_DRAIN_MIGRATE, REQUEST_HOST_DRAIN);
    answer(0, &told, CODE_HOST_FAILED, VM_RUNNING);
    (void)instructed(1, VERB_DELETE, 2); /* which says nothing */
    bench_say(&bench, cloud, bench_instruct("2", "1", 2, VERB_REBOOT));
    told = instructed(0, VERB_REBOOT, 1);
    answer(0, &told, CODE_OK, VM_RUNNING);
    cluster_assert_result(cloud, CODE_OK, VM_RUNNING);
    (void)instructed(1, VERB_DELETE, 2);
    bench_restart(&bench);
    bench_welcome(&bench, cloud);
    bench_hello_first(&bench, bench_agent(&bench, 1));
    told = instructed(1, VERB_DELETE, 2);
    answer(1, &told, CODE_OK, VM_DELETED);
    bench_hello_first(&bench, bench_agent(&bench, 1));
    assert_nobody_instructed();
}

static void a_host_that_is_given_up_takes_along_what_goes_from_it(void **state) {
    (void)state;
    (void)migrate(ON_DRAIN_MIGRATE, REQUEST_HOST_DRAIN);
    bench_cut(&bench, bench_agent(&bench, 0)); /* both are on that link */
    bench_pass(&bench, 60000);
    assert_non_null(ask(REQUEST_HOST_FORGET, "agent-0"));
    assert_is("", VM_LOST, MOVE_NONE);
    bench_hello_first(&bench, bench_agent(&bench, 1)); /* has a rest of it */
    (void)instructed(1, VERB_DELETE, 2);
    bench_say(&bench, cloud, bench_instruct("2", "1", 2, VERB_DELETE));
    struct message told = instructed(1, VERB_DELETE, 2);
    answer(1, &told, CODE_OK, VM_DELETED);
    cluster_assert_result(cloud, CODE_OK, VM_DELETED);
}

static void a_destination_that_is_given_up_has_nothing(void **state) {
    (void)state;
    (void)leave(ON_DRAIN_MIGRATE, REQUEST_HOST_DRAIN);
    bench_cut(&bench, bench_agent(&bench, 0)); /* both are on that link */
    bench_hello_live(&bench, bench_agent(&bench, 0), 3);
    bench_pass(&bench, 60000);
    assert_non_null(ask(REQUEST_HOST_FORGET, "agent-1"));
    assert_is("agent-0", VM_RUNNING, MOVE_NONE);
    bench_hello_first(&bench, bench_agent(&bench, 0));
    bench_say(&bench, cloud, bench_instruct("2", "1", 2, VERB_REBOOT));
    (void)instructed(0, VERB_REBOOT, 1);
}

static void only_who_runs_goes_and_only_to_who_receives(void **state) {
    (void)state;
    run_vm(ON_DRAIN_MIGRATE);
    bench_hello(&bench, bench_agent(&bench, 1), 2);
    (void)ask(REQUEST_HOST_MAINTAIN, "agent-0");
    assert_int_equal(vm()->stays, STAY_ROOM);
    bench_hello(&bench, bench_agent(&bench, 0), 3);
    assert_int_equal(vm()->stays, STAY_LIVE);
    connect_hosts();
    bench_pass(&bench, 30000);
    image_comes();
    (void)instructed(1, VERB_RECEIVE, 2);
}

static void a_host_sends_two_at_a_time(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        char name[2] = {(char)('1' + i), 0};
        struct message define = bench_define(name, name, 1, &bench_shapes[0]);
        define.instruct.definition.on_drain = ON_DRAIN_MIGRATE;
        define.instruct.definition.start = true;
        bench_say(&bench, cloud, define);
        cluster_image(CODE_OK);
        cluster_answer(CODE_OK, VM_RUNNING);
        bench_hello_live(&bench, bench_agent(&bench, 0), 3); /* it has room, all the same */
    }
    bench_hello_live(&bench, bench_agent(&bench, 1), 3);
    (void)ask(REQUEST_HOST_MAINTAIN, "agent-0");
    image_comes();
    uint64_t counts[STAY_COUNT] = {0};
    const struct reply *reply = ask(REQUEST_VM_LIST, "");
    assert_int_equal(reply->list_count, 3);
    for (uint32_t i = 0; i < reply->list_count; i++)
        counts[((const struct hosted_vm *)reply->list[i].data)->stays]++;
    assert_int_equal(counts[STAY_LEAVING], 2);
    assert_int_equal(counts[STAY_TURN], 1);
}

static void nobody_above_can_ask_for_it(void **state) {
    (void)state;
    run_vm(ON_DRAIN_MIGRATE);
    static const enum verb verbs[] = {VERB_RECEIVE, VERB_MIGRATE, VERB_ADOPT, VERB_DISCARD};
    for (size_t i = 0; i < array_size(verbs); i++) {
        bench_say(&bench, cloud, bench_instruct("2", "1", 2, verbs[i]));
        cluster_assert_result(cloud, CODE_UNSUPPORTED, VM_RUNNING);
        assert_nobody_instructed();
    }
}

#define with_cluster(test) cmocka_unit_test_setup_teardown(test, set_up, cluster_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_cluster(it_goes_on_elsewhere_and_nobody_above_hears_of_it),
        with_cluster(what_its_host_says_is_there_is_discarded_elsewhere),
        with_cluster(a_host_cannot_have_another_start_programs),
        with_cluster(a_host_cannot_name_another_host),
        with_cluster(a_host_cannot_name_another_folder),
        with_cluster(a_host_without_a_configured_uri_receives_nothing),
        with_cluster(a_maintenance_tries_again_ever_later),
        with_cluster(what_may_be_made_anew_is_once_going_has_failed),
        with_cluster(as_long_as_its_host_does_not_know_nothing_is_discarded_or_adopted),
        with_cluster(it_goes_on_after_a_crash_at_any_point),
        with_cluster(one_that_stands_still_where_it_has_come_is_adopted_again),
        with_cluster(a_delete_goes_to_its_host_and_then_to_where_it_was_to_go),
        with_cluster(what_is_asked_for_goes_before_a_discard_that_comes_back),
        with_cluster(a_host_that_is_given_up_takes_along_what_goes_from_it),
        with_cluster(a_destination_that_is_given_up_has_nothing),
        with_cluster(only_who_runs_goes_and_only_to_who_receives),
        with_cluster(a_host_sends_two_at_a_time),
        with_cluster(nobody_above_can_ask_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
