/* Hosts that are to be empty: which VMs leave, when they are made elsewhere, what the owner is told
 * of those that stay, and what the upstream manager is told at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cluster.h"
#include "message/owner.h"

static int set_up(void **state) {
    (void)state;
    cluster_open((const uint64_t[]){3, 2}, 2, (struct amounts){0});
    return 0;
}

static const struct reply *ask(struct request request, const char *key) {
    static uint64_t handle;
    request.handle = ++handle;
    text_set(request.key, key);
    return bench_ask(&bench, &request);
}

static const struct owned_host *host(enum request_kind kind, const char *name) {
    const struct reply *reply = ask((struct request){.kind = kind}, name);
    assert_non_null(reply);
    assert_ptr_equal(reply->record.table, &host_table);
    return reply->record.data;
}

static const struct hosted_vm *vm(void) {
    const struct reply *reply = ask((struct request){.kind = REQUEST_VM_LIST}, "");
    assert_int_equal(reply->kind, REPLY_LIST);
    return reply->list_count ? reply->list[0].data : NULL;
}

/* A VM that may be made anew runs on the roomiest host: agent-0. */
static void run_vm(void) {
    struct message define = bench_define("1", "1", 1, &bench_shapes[0]);
    define.instruct.definition.on_drain = ON_DRAIN_RESTART;
    define.instruct.definition.start = true;
    bench_say(&bench, cloud, define);
    cluster_image(CODE_OK);
    cluster_answer(CODE_OK, VM_RUNNING);
    assert_string_equal(vm()->host, "agent-0");
}

static struct far *assert_instructed(size_t agent, enum verb verb, struct message *out_instruct) {
    struct far *to = cluster_instructed(out_instruct);
    assert_ptr_equal(to, bench_agent(&bench, agent));
    assert_int_equal(out_instruct->instruct.verb, verb);
    return to;
}

/* The manager is killed and started anew, and its hosts come back; what it had told them, it tells
 * them again. */
static void restart(void) {
    bench_restart(&bench);
    bench_welcome(&bench, cloud);
    bench_hello(&bench, bench_agent(&bench, 0), 3);
    bench_hello(&bench, bench_agent(&bench, 1), 2);
}

static void assert_remains(enum stay why) {
    const struct owned_host *shown = host(REQUEST_HOST_SHOW, "agent-0");
    assert_int_equal(shown->remaining_count, 1);
    assert_string_equal(stay_names[shown->remaining[0].why], stay_names[why]);
    assert_int_equal(shown->remaining[0].vms, 1);
    assert_int_equal(vm()->stays, why);
}

static void drain(enum request_kind kind) {
    assert_true(host(kind, "agent-0")->cordoned_ms > 0);
    assert_null(bench_last(&bench, EFFECT_SEND)); /* nothing is stopped before it can go */
}

/* Up to the moment at which the host is to delete it. */
static void ask_to_leave(enum request_kind kind) {
    struct message instruct;
    drain(kind);
    assert_remains(STAY_FETCHING);
    drain(kind); /* its image is asked for again */
    cluster_image(CODE_OK);
    (void)assert_instructed(0, VERB_SHUTDOWN, &instruct);
    assert_true(instruct.instruct.epoch == 1);
    cluster_answer(CODE_GUEST_IGNORED, VM_RUNNING);
    (void)assert_instructed(0, VERB_DELETE, &instruct);
    assert_int_equal(vm()->move, MOVE_LEAVING);
}

static void begin_to_leave(enum request_kind kind) {
    run_vm();
    ask_to_leave(kind);
}

static void image_comes(enum code code) {
    struct event event = {.kind = EVENT_IMAGE, .image.code = code};
    text_set(event.image.digest, vm()->digest);
    event.image.link = cloud->setting.link;
    effects_clear(&bench.effects);
    bench_step(&bench, event);
}

/* The old host confirms; the image is asked for. */
static void leave(void) {
    struct message instruct;
    bench_pass(&bench, 15000); /* it is told again, and nobody is told anything else */
    struct far *old = assert_instructed(0, VERB_DELETE, &instruct);
    bench_say(&bench, old, bench_result(&instruct, CODE_OK, VM_DELETED));
    assert_null(cluster_instructed(&instruct));
    assert_int_equal(bench_count(&bench, EFFECT_IMAGE), 1);
}

static void arrive(void) {
    struct message instruct;
    struct far *to = assert_instructed(1, VERB_DEFINE, &instruct);
    assert_true(instruct.instruct.definition.start);
    assert_int_equal(instruct.instruct.epoch, 2);
    bench_say(&bench, to, bench_result(&instruct, CODE_OK, VM_RUNNING));
    assert_int_equal(bench_told(&bench, cloud, MESSAGE_VM)->vm.state, VM_RUNNING);
    assert_int_equal(vm()->move, MOVE_NONE);
    assert_string_equal(vm()->host, "agent-1");
    assert_int_equal(host(REQUEST_HOST_SHOW, "agent-0")->vms, 0);
    assert_null(book_vm(role_book(bench.role), vm()->id)->active);
}

static void it_is_made_elsewhere_when_it_is_gone_and_not_before(void **state) {
    (void)state;
    begin_to_leave(REQUEST_HOST_DRAIN);
    assert_remains(STAY_LEAVING);
    bench_say(&bench, cloud, bench_instruct("2", "1", 2, VERB_REBOOT)); /* meanwhile */
    cluster_assert_result(cloud, CODE_BUSY, VM_RUNNING);
    leave();
    assert_int_equal(bench_told(&bench, cloud, MESSAGE_VM)->vm.state, VM_STOPPED);
    cluster_image(CODE_OK);
    arrive();
}

static void what_a_rebuild_brought_is_what_it_is_made_from_elsewhere(void **state) {
    (void)state;
    struct message instruct, rebuild = bench_define("2", "1", 2, &bench_shapes[0]);
    rebuild.instruct.verb = VERB_REBUILD;
    rebuild.instruct.definition.user_data = memory_text("second");
    run_vm();
    bench_say(&bench, cloud, rebuild);
    cluster_image(CODE_OK);
    cluster_answer(CODE_OK, VM_RUNNING);
    restart();
    ask_to_leave(REQUEST_HOST_DRAIN);
    leave();
    cluster_image(CODE_OK);
    (void)assert_instructed(1, VERB_DEFINE, &instruct);
    assert_string_equal(instruct.instruct.definition.user_data, "second");
}

static void it_goes_on_after_a_crash_at_any_point(void **state) {
    (void)state;
    begin_to_leave(REQUEST_HOST_MAINTAIN);
    restart();
    leave();
    restart();
    assert_int_equal(vm()->move, MOVE_ARRIVING);
    image_comes(CODE_OK);
    restart();
    bench_pass(&bench, 15000);
    arrive();
    restart();
    assert_int_equal(host(REQUEST_HOST_SHOW, "agent-0")->duty, DUTY_MAINTENANCE);
}

static void where_the_host_is_silent_in_the_middle_it_stays_on_its_way(void **state) {
    (void)state;
    struct message instruct;
    begin_to_leave(REQUEST_HOST_DRAIN);
    bench_cut(&bench, bench_agent(&bench, 0)); /* both are on that link */
    bench_hello(&bench, bench_agent(&bench, 1), 2);
    bench_pass(&bench, 3600000);
    assert_null(cluster_instructed(&instruct));
    assert_int_equal(vm()->move, MOVE_LEAVING);
    assert_int_equal(vm()->state, VM_RUNNING); /* for all that is known */
    bench_hello(&bench, bench_agent(&bench, 0), 3);
    bench_hello(&bench, bench_agent(&bench, 1), 2);
    leave();
    cluster_image(CODE_OK);
    arrive();
}

static void what_is_half_made_is_gone_before_it_is_made_again(void **state) {
    (void)state;
    struct message instruct;
    begin_to_leave(REQUEST_HOST_DRAIN);
    leave();
    cluster_image(CODE_OK);
    cluster_answer(CODE_HOST_FAILED, VM_STOPPED); /* not undone */
    struct far *to = assert_instructed(1, VERB_DELETE, &instruct);
    (void)host(REQUEST_HOST_UNCORDON, "agent-0");
    bench_say(&bench, to, bench_result(&instruct, CODE_OK, VM_DELETED));
    cluster_image(CODE_OK);
    (void)assert_instructed(0, VERB_DEFINE, &instruct);
    assert_int_equal(instruct.instruct.epoch, 3);
}

static void its_tenant_can_delete_it_on_its_way(void **state) {
    (void)state;
    struct message instruct;
    begin_to_leave(REQUEST_HOST_DRAIN);
    bench_say(&bench, cloud, bench_instruct("2", "1", 2, VERB_DELETE));
    struct far *old = assert_instructed(0, VERB_DELETE, &instruct);
    bench_say(&bench, old, bench_result(&instruct, CODE_OK, VM_DELETED));
    cluster_assert_result(cloud, CODE_OK, VM_DELETED);
    assert_int_equal(bench_count(&bench, EFFECT_IMAGE), 0);
}

static void what_has_nowhere_to_go_stays_and_is_told(void **state) {
    (void)state;
    run_vm();
    (void)host(REQUEST_HOST_CORDON, "agent-1");
    drain(REQUEST_HOST_MAINTAIN);
    assert_remains(STAY_ROOM);
    (void)host(REQUEST_HOST_UNCORDON, "agent-1");
    bench_hello(&bench, bench_agent(&bench, 0), 3); /* of a maintenance it is looked at again */
    assert_remains(STAY_FETCHING);
    image_comes(CODE_IMAGE_UNAVAILABLE);
    assert_remains(STAY_IMAGE);
    assert_int_equal(vm()->state, VM_RUNNING);
}

static void what_its_tenant_did_not_give_free_stays(void **state) {
    (void)state;
    cluster_run_vm(cloud, "1", "1");
    drain(REQUEST_HOST_DRAIN);
    assert_remains(STAY_POLICY);
    bench_pass(&bench, 3600000);
    assert_int_equal(bench_count(&bench, EFFECT_IMAGE), 0);
    assert_int_equal(vm()->state, VM_RUNNING);
}

static void room_that_is_needed_by_who_has_left_is_nobody_elses(void **state) {
    (void)state;
    begin_to_leave(REQUEST_HOST_DRAIN);
    bench_pass(&bench, 200);
    for (int i = 0; i < 2; i++) { /* of the two that fit on agent-1 */
        char name[2] = {(char)('2' + i), 0};
        bench_say(&bench, cloud, bench_define(name, name, 1, &bench_shapes[0]));
        cluster_image(CODE_OK);
    }
    cluster_assert_result(cloud, CODE_NO_CAPACITY, VM_FAILED);
}

static void a_maintenance_is_ended_by_its_name_alone(void **state) {
    (void)state;
    (void)host(REQUEST_HOST_MAINTAIN, "agent-0");
    assert_int_equal(ask((struct request){.kind = REQUEST_HOST_UNCORDON}, "agent-0")->code,
                     CODE_CONFLICT);
    assert_int_equal(ask((struct request){.kind = REQUEST_HOST_DRAIN}, "agent-0")->code,
                     CODE_CONFLICT);
    assert_int_equal(host(REQUEST_HOST_END_MAINTENANCE, "agent-0")->cordoned_ms, 0);
    (void)host(REQUEST_HOST_DRAIN, "agent-0");
    assert_true(host(REQUEST_HOST_END_MAINTENANCE, "agent-0")->cordoned_ms > 0); /* it has none */
}

static void a_host_that_is_given_up_takes_those_along_that_had_not_left(void **state) {
    (void)state;
    begin_to_leave(REQUEST_HOST_DRAIN);
    bench_cut(&bench, bench_agent(&bench, 0));
    bench_pass(&bench, 60000);
    assert_int_equal(host(REQUEST_HOST_FORGET, "agent-0")->capacity.cpus_total, 0);
    assert_int_equal(vm()->state, VM_LOST);
    assert_int_equal(vm()->move, MOVE_NONE);
}

static void a_host_is_told_how_much_of_itself_it_lends(void **state) {
    (void)state;
    const struct far *agent = bench_agent(&bench, 0);
    struct request request = {.kind = REQUEST_HOST_OVERCOMMIT,
                              .overcommit = {.cpus_percent = 400}};
    const struct owned_host *shown = ask(request, "agent-0")->record.data;
    assert_int_equal(shown->overcommit.cpus_percent, 400);
    assert_int_equal(bench_told(&bench, agent, MESSAGE_WELCOME)->welcome.overcommit.cpus_percent,
                     400);
    (void)ask(request, "agent-0");
    assert_null(bench_told(&bench, agent, MESSAGE_WELCOME)); /* it is told once */
    restart();
    assert_int_equal(host(REQUEST_HOST_SHOW, "agent-0")->overcommit.cpus_percent, 400);
    request.overcommit = (struct overcommit){0};
    (void)ask(request, "agent-0");
    assert_int_equal(bench_told(&bench, agent, MESSAGE_WELCOME)->welcome.overcommit.cpus_percent,
                     0);
}

static void labels_are_the_owners_and_outlive_a_restart(void **state) {
    (void)state;
    char labels[] = "disk=ssd";
    struct request request = {.kind = REQUEST_HOST_LABEL, .host_labels = {labels}};
    (void)ask(request, "agent-0");
    assert_null(bench_last(&bench, EFFECT_SEND));
    restart();
    const struct owned_host *shown = host(REQUEST_HOST_SHOW, "agent-0");
    assert_string_equal(shown->labels, "disk=ssd");
    assert_int_equal(shown->labels_from, ORIGIN_SET);
}

#define with_cluster(test) cmocka_unit_test_setup_teardown(test, set_up, cluster_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_cluster(it_is_made_elsewhere_when_it_is_gone_and_not_before),
        with_cluster(what_a_rebuild_brought_is_what_it_is_made_from_elsewhere),
        with_cluster(it_goes_on_after_a_crash_at_any_point),
        with_cluster(where_the_host_is_silent_in_the_middle_it_stays_on_its_way),
        with_cluster(what_is_half_made_is_gone_before_it_is_made_again),
        with_cluster(its_tenant_can_delete_it_on_its_way),
        with_cluster(what_has_nowhere_to_go_stays_and_is_told),
        with_cluster(what_its_tenant_did_not_give_free_stays),
        with_cluster(room_that_is_needed_by_who_has_left_is_nobody_elses),
        with_cluster(a_maintenance_is_ended_by_its_name_alone),
        with_cluster(a_host_that_is_given_up_takes_those_along_that_had_not_left),
        with_cluster(a_host_is_told_how_much_of_itself_it_lends),
        with_cluster(labels_are_the_owners_and_outlive_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
