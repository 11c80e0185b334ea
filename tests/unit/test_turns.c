/* Several upstream managers on one cluster: whose operation goes to a host next, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cluster.h"
#include "message/owner.h"

static void connect(size_t hosts, uint64_t room) {
    bench_welcome(&bench, cloud);
    bench_welcome(&bench, other);
    for (size_t i = 0; i < hosts; i++)
        bench_hello(&bench, bench_agent(&bench, i), room);
    bench_pass(&bench, 200);
}

/* One host, on which so many operations may be under way at a time. */
static void open_narrow(uint32_t at_once) {
    cluster_open((const uint64_t[]){0}, 1, (struct amounts){0});
    bench.agents[0].at_once = at_once;
    bench_restart(&bench);
    connect(1, 40);
}

static int set_up(void **state) {
    (void)state;
    cluster_open((const uint64_t[]){2, 2, 2}, 3, (struct amounts){0});
    bench_pass(&bench, 200);
    return 0;
}

static void weigh(const char *who, uint32_t weight) {
    struct request request = {.kind = REQUEST_SHARE_SET, .share.weight = weight};
    text_set(request.key, who);
    assert_int_equal(bench_ask(&bench, &request)->kind, REPLY_RECORD);
}

static char *name_of(char prefix, size_t number, char *out) {
    text_format(out, 8, "%c%zu", prefix, number);
    return out;
}

/* Instructions that have gone out since the effects were cleared, of that manager's VMs. */
static size_t instructed(char prefix) {
    size_t count = 0;
    for (size_t i = 0; i < bench.effects.count; i++) {
        const struct effect *effect = &bench.effects.items[i];
        if (effect->kind == EFFECT_SEND && effect->send.message.kind == MESSAGE_INSTRUCT)
            count += effect->send.message.instruct.definition.name[0] == prefix;
    }
    return count;
}

/* The manager defines so many VMs; how many go to the host. */
static size_t flood(struct far *manager, char prefix, size_t from, size_t count) {
    size_t went = 0;
    for (size_t i = from; i < from + count; i++) {
        char name[8];
        struct message define = bench_define(name_of(prefix, i, name), name, 1, &bench_shapes[0]);
        define.instruct.definition.name[0] = prefix;
        bench_say(&bench, manager, define);
        cluster_image(CODE_OK);
        went += instructed(prefix);
    }
    return went;
}

/* The host says that the VM runs. */
static void answer(char prefix, size_t number) {
    char name[8];
    struct message define = bench_define(name_of(prefix, number, name), name, 1, &bench_shapes[0]);
    bench_say(&bench, bench_agent(&bench, 0), bench_result(&define, CODE_OK, VM_RUNNING));
    message_clear(&define);
}

static void a_flood_of_one_does_not_make_another_wait(void **state) {
    (void)state;
    bench_deinit(&bench);
    open_narrow(4);
    assert_int_equal(flood(cloud, 'a', 0, 12), 4); /* while it is alone it has all of them */
    assert_int_equal(flood(other, 'b', 0, 1), 1);
    assert_int_equal(flood(other, 'b', 1, 4), 1); /* its part is two of four */
}

static void what_gets_free_goes_to_who_has_least_for_its_weight(void **state) {
    (void)state;
    bench_deinit(&bench);
    open_narrow(6);
    weigh("manager-0", 4);
    weigh("manager-1", 3);
    assert_int_equal(flood(cloud, 'a', 0, 8), 6);
    assert_int_equal(flood(other, 'b', 0, 4), 2); /* 6 x 3 / 7 */
    answer('a', 0);
    answer('a', 1);
    assert_int_equal(instructed('a') + instructed('b'), 0); /* six are under way */
    answer('a', 2); /* 3 of 4 are more than 2 of 3 */
    assert_int_equal(instructed('a'), 0);
    assert_int_equal(instructed('b'), 1);
    answer('b', 0);
    assert_int_equal(instructed('b'), 1);
    answer('a', 3); /* it began more of late, and its newest one is not answered */
    assert_int_equal(instructed('a'), 0);
    bench_pass(&bench, 10);
    assert_int_equal(instructed('a'), 1);
}

static void who_is_ahead_begins_one_at_a_time(void **state) {
    (void)state;
    bench_deinit(&bench);
    open_narrow(100);
    assert_int_equal(flood(cloud, 'a', 0, 4), 4); /* alone, it is not held */
    assert_int_equal(flood(other, 'b', 0, 3), 3); /* it is behind */
    assert_int_equal(flood(cloud, 'a', 4, 6), 0); /* its newest one is under way */
    bench_pass(&bench, 9);
    assert_int_equal(instructed('a'), 0);
    bench_pass(&bench, 1);
    assert_int_equal(instructed('a'), 1); /* however long they take */
    answer('a', 0);
    assert_int_equal(instructed('a'), 0);
    answer('a', 4);
    assert_int_equal(instructed('a'), 1);
    assert_int_equal(flood(other, 'b', 3, 5), 5); /* from six each on, in turns */
}

static void who_is_alone_again_is_not_held(void **state) {
    (void)state;
    bench_deinit(&bench);
    open_narrow(100);
    assert_int_equal(flood(other, 'b', 0, 1), 1);
    assert_int_equal(flood(cloud, 'a', 0, 3), 2);
    bench_pass(&bench, 10);
    assert_int_equal(instructed('a'), 1);
    bench_pass(&bench, 500); /* what was begun is none of late any more */
    assert_int_equal(flood(cloud, 'a', 3, 5), 5);
}

static void a_weight_counts_in_who_is_ahead(void **state) {
    (void)state;
    bench_deinit(&bench);
    open_narrow(100);
    weigh("manager-0", 3);
    assert_int_equal(flood(other, 'b', 0, 2), 2);
    assert_int_equal(flood(cloud, 'a', 0, 9), 7); /* the seventh is more than three for each */
}

/* Of who is held, hosts take turns; one that is gone takes none. */
static void hosts_take_turns_for_who_is_held(void **state) {
    (void)state;
    assert_int_equal(flood(cloud, 'a', 0, 2), 2);
    assert_int_equal(flood(other, 'b', 0, 1), 1);
    assert_int_equal(flood(cloud, 'a', 2, 3), 0); /* on each of three hosts one */
    bench_say(&bench, cloud, bench_instruct("d", "a2", 2, VERB_DELETE));
    for (size_t i = 0; i < 3; i++) {
        bench_pass(&bench, 10);
        assert_int_equal(instructed('a') + (i == 0), 1);
    }
    bench_pass(&bench, 100);
    assert_int_equal(instructed('a'), 0);
}

static void a_weight_that_is_set_holds_for_those_that_wait(void **state) {
    (void)state;
    bench_deinit(&bench);
    open_narrow(8);
    assert_int_equal(flood(cloud, 'a', 0, 9), 8);
    assert_int_equal(flood(other, 'b', 0, 9), 4);
    weigh("manager-1", 7);
    assert_int_equal(instructed('b'), 3);
    assert_int_equal(instructed('a'), 0);
}

/* Somebody speaks on each link, so that nobody is given up for silence. */
static void wait_out_deadlines(void) {
    for (size_t i = 0; i < 13; i++) {
        struct message settled = {.kind = MESSAGE_SETTLED}, beat = {.kind = MESSAGE_BEAT};
        text_set(settled.settled.op, "op-00000000000000000000000000");
        bench_say(&bench, cloud, settled);
        bench_say(&bench, other, settled);
        bench_say(&bench, bench_agent(&bench, 0), beat);
        bench_pass(&bench, 10000);
    }
}

static void an_end_lets_the_next_one_go(void **state) {
    (void)state;
    bench_deinit(&bench);
    open_narrow(2);
    assert_int_equal(flood(cloud, 'a', 0, 1), 1);
    assert_int_equal(flood(other, 'b', 0, 2), 1);
    assert_int_equal(flood(cloud, 'a', 1, 2), 0);
    answer('a', 0);
    assert_int_equal(instructed('a'), 1);
    assert_int_equal(instructed('b'), 0);
    wait_out_deadlines(); /* of two that were never answered, and two that waited for them */
    assert_int_equal(flood(cloud, 'a', 5, 1), 1);
    assert_int_equal(flood(other, 'b', 5, 1), 1);
}

static void a_delete_takes_the_turn_of_what_it_supersedes(void **state) {
    (void)state;
    bench_deinit(&bench);
    open_narrow(2);
    assert_int_equal(flood(other, 'b', 0, 1), 1);
    assert_int_equal(flood(cloud, 'a', 0, 3), 1);
    bench_say(&bench, cloud, bench_instruct("d", "a0", 2, VERB_DELETE));
    const struct message *last = bench_told(&bench, bench_agent(&bench, 0), MESSAGE_INSTRUCT);
    assert_int_equal(instructed('a') + (last && last->instruct.verb == VERB_DELETE), 1);
}

static void what_waits_goes_on_after_a_restart(void **state) {
    (void)state;
    struct message hello = {.kind = MESSAGE_HELLO,
                            .hello = {protocol_version, protocol_version_oldest, "", 0}};
    bench_deinit(&bench);
    open_narrow(2);
    assert_int_equal(flood(cloud, 'a', 0, 5), 2);
    bench_restart(&bench);
    bench_agent(&bench, 0)->number += 100;
    bench_agent(&bench, 0)->sent = 0;
    bench_say(&bench, bench_agent(&bench, 0), hello);
    assert_int_equal(instructed('a'), 2);
}

static void what_is_too_much_at_a_time_is_refused_as_busy(void **state) {
    (void)state;
    bench.settings.backlog = 2;
    bench_restart(&bench);
    connect(3, 8);
    assert_int_equal(flood(cloud, 'a', 0, 2), 2);
    bench_say(&bench, cloud, bench_define("3", "3", 1, &bench_shapes[0]));
    cluster_assert_result(cloud, CODE_BUSY, VM_FAILED);
    assert_int_equal(flood(other, 'b', 0, 1), 1); /* another's is another's */
    bench_say(&bench, cloud, bench_instruct("d", "a0", 2, VERB_DELETE)); /* it gives back */
    const struct message *superseded = bench_told(&bench, cloud, MESSAGE_RESULT);
    assert_int_equal(superseded->result.code, CODE_SUPERSEDED);
    bench_restart(&bench);
    connect(3, 8);
    bench_say(&bench, cloud, bench_define("3", "3", 1, &bench_shapes[0]));
    cluster_assert_result(cloud, CODE_BUSY, VM_FAILED);
}

static void with_one_upstream_manager_nothing_is_held_back(void **state) {
    (void)state;
    bench_deinit(&bench);
    const struct role_settings settings = {.kind = ROLE_DOWNSTREAM, .seed = 3, .beat_ms = 10000,
                                           .hold_down_ms = 30000, .agents_count = 1,
                                           .managers_count = 1};
    bench_init(&bench, &settings);
    bench.agents[0].at_once = 1;
    bench_restart(&bench);
    bench_welcome(&bench, cloud);
    bench_hello(&bench, bench_agent(&bench, 0), 40);
    assert_int_equal(flood(cloud, 'a', 0, 8), 8);
}

#define with_cluster(test) cmocka_unit_test_setup_teardown(test, set_up, cluster_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_cluster(a_flood_of_one_does_not_make_another_wait),
        with_cluster(what_gets_free_goes_to_who_has_least_for_its_weight),
        with_cluster(who_is_ahead_begins_one_at_a_time),
        with_cluster(who_is_alone_again_is_not_held),
        with_cluster(a_weight_counts_in_who_is_ahead),
        with_cluster(hosts_take_turns_for_who_is_held),
        with_cluster(a_weight_that_is_set_holds_for_those_that_wait),
        with_cluster(an_end_lets_the_next_one_go),
        with_cluster(a_delete_takes_the_turn_of_what_it_supersedes),
        with_cluster(what_waits_goes_on_after_a_restart),
        with_cluster(what_is_too_much_at_a_time_is_refused_as_busy),
        with_cluster(with_one_upstream_manager_nothing_is_held_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
