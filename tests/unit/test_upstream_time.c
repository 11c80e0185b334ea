/* The upstream manager over time: replies that wait, deadlines, clusters that fall silent, stops
 * and restarts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cloud.h"

static struct cloud cloud; /* of this program's only thread; each test begins with a fresh one */

/* Alice asks for a VM and waits; nothing is answered yet. */
static struct request begin_waiting(uint64_t wait_ms) {
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    wish.wait_ms = wait_ms;
    assert_null(bench_ask(&cloud.bench, &wish));
    return wish;
}

static const struct operation *answered(const struct request *request) {
    assert_int_equal(bench_count(&cloud.bench, EFFECT_REPLY), 1);
    const struct reply *reply = &bench_last(&cloud.bench, EFFECT_REPLY)->reply;
    assert_int_equal(reply->handle, request->handle);
    assert_int_equal(reply->kind, REPLY_OPERATION);
    return reply->record.data;
}

static void a_reply_that_waits_is_given_at_the_operations_end(void **state) {
    (void)state;
    struct request wish = begin_waiting(30000);
    cloud_answer(&cloud, CODE_OK, VM_RUNNING);
    assert_int_equal(answered(&wish)->state, OP_SUCCEEDED);
    bench_pass(&cloud.bench, 60000);
    assert_int_equal(bench_count(&cloud.bench, EFFECT_REPLY), 0); /* once */
}

static void a_reply_waits_no_longer_than_it_was_asked_to(void **state) {
    (void)state;
    struct request wish = begin_waiting(3000);
    bench_pass(&cloud.bench, 2999);
    assert_int_equal(bench_count(&cloud.bench, EFFECT_REPLY), 0);
    bench_pass(&cloud.bench, 1);
    assert_int_equal(answered(&wish)->state, OP_RUNNING);
}

static void who_asks_after_the_end_does_not_wait(void **state) {
    (void)state;
    struct id vm = cloud_run_vm(&cloud, cloud_alice, "web");
    struct request show = cloud_request(&cloud, cloud_alice, REQUEST_OP_SHOW);
    show.wait_ms = 30000;
    text_set(show.key, cloud_vm(&cloud, vm.text)->op);
    assert_non_null(bench_ask(&cloud.bench, &show));
    assert_int_equal(answered(&show)->state, OP_SUCCEEDED);
}

static void a_stop_answers_all_who_wait_and_refuses_who_comes(void **state) {
    (void)state;
    struct request wish = begin_waiting(30000);
    struct request show = cloud_request(&cloud, cloud_operator, REQUEST_TENANT_LIST);
    effects_clear(&cloud.bench.effects);
    bench_step(&cloud.bench, (struct event){.kind = EVENT_STOP});
    assert_int_equal(answered(&wish)->state, OP_RUNNING);
    assert_int_equal(bench_last(&cloud.bench, EFFECT_DONE) ==
                         &cloud.bench.effects.items[cloud.bench.effects.count - 1], 1);
    cloud_assert_refused(&cloud, &show, CODE_SHUTTING_DOWN, "");
}

static void the_reply_to_a_superseded_creation_is_its_true_end(void **state) {
    (void)state;
    struct request wish = begin_waiting(30000);
    struct request act = cloud_act(&cloud, cloud_alice, VERB_DELETE, "web");
    effects_clear(&cloud.bench.effects);
    bench_step(&cloud.bench, (struct event){.kind = EVENT_REQUEST, .request = &act});
    assert_int_equal(bench_count(&cloud.bench, EFFECT_REPLY), 2);
    for (size_t i = 0; i < cloud.bench.effects.count; i++) {
        const struct effect *effect = &cloud.bench.effects.items[i];
        if (effect->kind != EFFECT_REPLY || effect->reply.handle != wish.handle)
            continue;
        const struct operation *op = effect->reply.record.data;
        assert_int_equal(op->code, CODE_SUPERSEDED);
        return;
    }
    fail_msg("who waited was not answered");
}

static void when_too_many_wait_the_next_is_answered_at_once(void **state) {
    (void)state;
    (void)begin_waiting(30000);
    const struct book *book = role_book(cloud.bench.role);
    const char *id = container_of(book->ops.next, struct book_op, by_age)->record.id;
    struct request show = cloud_request(&cloud, cloud_alice, REQUEST_OP_SHOW);
    show.wait_ms = 30000;
    text_set(show.key, id);
    for (size_t i = 1; i < limit_waiters; i++, show.handle++)
        assert_null(bench_ask(&cloud.bench, &show));
    assert_non_null(bench_ask(&cloud.bench, &show));
    bench_pass(&cloud.bench, 30000);
    assert_int_equal(bench_count(&cloud.bench, EFFECT_REPLY), limit_waiters);
}

static void a_creation_that_nobody_confirms_ends_at_its_deadline_and_is_undone(void **state) {
    (void)state;
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    struct message instruct;
    wish.deadline_ms = 5000;
    struct id op = cloud_begin(&cloud, &wish);
    bench_pass(&cloud.bench, 4999);
    assert_int_equal(cloud_op(&cloud, op.text)->state, OP_RUNNING);
    bench_pass(&cloud.bench, 1);
    assert_int_equal(cloud_op(&cloud, op.text)->code, CODE_DEADLINE);
    assert_non_null(cloud_instructed(&cloud, &instruct));
    assert_int_equal(instruct.instruct.verb, VERB_DELETE);
    cloud_answer(&cloud, CODE_OK, VM_DELETED);
    assert_int_equal(role_book(cloud.bench.role)->vms_count, 0);
}

static void a_deletion_goes_on_after_its_deadline_until_it_is_true(void **state) {
    (void)state;
    struct id vm = cloud_run_vm(&cloud, cloud_alice, "web");
    struct request act = cloud_act(&cloud, cloud_alice, VERB_DELETE, vm.text);
    struct message instruct;
    act.deadline_ms = 2000;
    struct id op = cloud_begin(&cloud, &act);
    bench_pass(&cloud.bench, 2000);
    assert_int_equal(cloud_op(&cloud, op.text)->code, CODE_DEADLINE);
    assert_int_equal(cloud_vm(&cloud, vm.text)->state, VM_DELETING);
    assert_non_null(cloud_instructed(&cloud, &instruct));
    cloud_answer(&cloud, CODE_HOST_FAILED, VM_DELETING);
    bench_pass(&cloud.bench, 20000);
    assert_null(cloud_instructed(&cloud, &instruct)); /* a pause after a failure */
    bench_say(&cloud.bench, cloud.north, (struct message){.kind = MESSAGE_BEAT});
    bench_pass(&cloud.bench, 10000);
    assert_non_null(cloud_instructed(&cloud, &instruct));
    assert_int_equal(instruct.instruct.verb, VERB_DELETE);
    cloud_answer(&cloud, CODE_OK, VM_DELETED);
    assert_null(cloud_vm(&cloud, vm.text));
}

static void a_verb_that_nobody_confirms_leaves_the_vm_as_it_is_known(void **state) {
    (void)state;
    struct id vm = cloud_run_vm(&cloud, cloud_alice, "web");
    struct request act = cloud_act(&cloud, cloud_alice, VERB_REBOOT, vm.text);
    act.deadline_ms = 2000;
    struct id op = cloud_begin(&cloud, &act);
    bench_pass(&cloud.bench, 2000);
    assert_int_equal(cloud_op(&cloud, op.text)->code, CODE_DEADLINE);
    assert_int_equal(cloud_vm(&cloud, vm.text)->state, VM_RUNNING);
    assert_int_equal(bench_count(&cloud.bench, EFFECT_SEND), 0);
}

static void a_silent_cluster_is_suspect_then_unreachable_and_gets_nothing_new(void **state) {
    (void)state;
    struct request show = cloud_request(&cloud, cloud_alice, REQUEST_CLUSTER_SHOW);
    text_set(show.key, "agent-0");
    bench_pass(&cloud.bench, 29000);
    assert_int_equal(((const struct node *)bench_ask(&cloud.bench, &show)->record.data)->state,
                     PEER_UP);
    bench_pass(&cloud.bench, 7000);
    assert_int_equal(((const struct node *)bench_ask(&cloud.bench, &show)->record.data)->state,
                     PEER_SUSPECT);
    bench_pass(&cloud.bench, 36000);
    assert_int_equal(((const struct node *)bench_ask(&cloud.bench, &show)->record.data)->state,
                     PEER_AWAY);
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    cloud_assert_refused(&cloud, &wish, CODE_UNREACHABLE, "cluster");
    bench_hello(&cloud.bench, cloud.north, 2);
    (void)cloud_run_vm(&cloud, cloud_alice, "web");
}

static void an_instruction_that_is_not_answered_is_sent_again_as_the_same(void **state) {
    (void)state;
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    struct message first, second;
    (void)cloud_begin(&cloud, &wish);
    (void)cloud_instructed(&cloud, &first);
    bench_pass(&cloud.bench, 13000);
    assert_ptr_equal(cloud_instructed(&cloud, &second), cloud.north);
    assert_string_equal(second.instruct.op, first.instruct.op);
    assert_int_equal(second.instruct.generation, first.instruct.generation);
    assert_int_equal(second.instruct.epoch, first.instruct.epoch);
    assert_true(second.instruct.within_ms < first.instruct.within_ms);
}

static void after_a_restart_what_is_under_way_goes_on_when_its_cluster_is_back(void **state) {
    (void)state;
    struct request wish = cloud_wish(&cloud, cloud_alice, "web");
    struct message first, second;
    struct id op = cloud_begin(&cloud, &wish);
    (void)cloud_instructed(&cloud, &first);
    bench_restart(&cloud.bench);
    assert_non_null(bench_last(&cloud.bench, EFFECT_READY));
    bench_say(&cloud.bench, cloud.north, bench_result(&first, CODE_OK, VM_RUNNING));
    assert_int_equal(cloud_op(&cloud, op.text)->state, OP_RUNNING); /* of a session that is gone */
    assert_non_null(bench_told(&cloud.bench, cloud.north, MESSAGE_RESET));
    struct message hello = {.kind = MESSAGE_HELLO, .hello = {.version = protocol_version,
                                                             .version_oldest = 1}};
    cloud.north->number++;
    cloud.north->sent = cloud.north->peer_number = 0;
    bench_say(&cloud.bench, cloud.north, hello);
    assert_non_null(bench_told(&cloud.bench, cloud.north, MESSAGE_SYNC)); /* other digests */
    assert_ptr_equal(cloud_instructed(&cloud, &second), cloud.north);
    assert_string_equal(second.instruct.op, op.text);
    assert_int_equal(second.instruct.generation, first.instruct.generation);
    cloud_answer(&cloud, CODE_OK, VM_RUNNING);
    assert_int_equal(cloud_op(&cloud, op.text)->state, OP_SUCCEEDED);
}

static void a_vm_that_is_missing_in_its_clusters_table_is_lost(void **state) {
    (void)state;
    struct id vm = cloud_run_vm(&cloud, cloud_alice, "web");
    struct message piece = {.kind = MESSAGE_TABLE, .table.first = true};
    struct message rest = {.kind = MESSAGE_TABLE, .table.last = true};
    bench_say(&cloud.bench, cloud.north, piece);
    assert_int_equal(cloud_vm(&cloud, vm.text)->state, VM_RUNNING); /* the table goes on */
    bench_say(&cloud.bench, cloud.south, (struct message){.kind = MESSAGE_TABLE,
                                                          .table = {.first = true, .last = true}});
    assert_int_equal(cloud_vm(&cloud, vm.text)->state, VM_RUNNING); /* another's table */
    bench_say(&cloud.bench, cloud.north, rest);
    assert_int_equal(cloud_vm(&cloud, vm.text)->state, VM_LOST);
}

static void nobody_but_a_pinned_cluster_on_its_link_is_heard(void **state) {
    (void)state;
    struct message hello = {.kind = MESSAGE_HELLO, .hello = {1, 1, "", 0}};
    struct frame frame = {{7, 0, 1}, &hello, 1};
    effects_clear(&cloud.bench.effects);
    bench_step(&cloud.bench, (struct event){.kind = EVENT_FRAME,
                                            .frame = {0, "stranger@below/x", &frame}});
    bench_step(&cloud.bench,
               (struct event){.kind = EVENT_FRAME,
                              .frame = {1, cloud.north->setting.address, &frame}});
    assert_int_equal(cloud.bench.effects.count, 0);
}

static void a_cluster_of_another_protocol_version_is_told_apart(void **state) {
    (void)state;
    struct message hello = {.kind = MESSAGE_HELLO, .hello = {99, 98, "", 0}};
    cloud.north->number++;
    cloud.north->sent = 0;
    bench_say(&cloud.bench, cloud.north, hello);
    assert_null(bench_told(&cloud.bench, cloud.north, MESSAGE_WELCOME));
    assert_int_equal(bench_count(&cloud.bench, EFFECT_NOTE), 1);
}

/* The cluster's next message, brought by this server; whether answers follow it. */
static const struct effect *beat_by(uint32_t endpoint) {
    struct message beat = {.kind = MESSAGE_BEAT};
    struct far *north = cloud.north;
    struct frame frame = {{north->number, north->peer_number, north->sent + 1, north->received},
                          &beat, 1};
    effects_clear(&cloud.bench.effects);
    bench_step(&cloud.bench,
               (struct event){.kind = EVENT_FRAME,
                              .frame = {0, north->setting.address, &frame, endpoint}});
    return bench_last(&cloud.bench, EFFECT_ROUTE);
}

static void answers_follow_what_is_new_and_no_repeat(void **state) {
    (void)state;
    const struct effect *route = beat_by(2);
    assert_non_null(route);
    assert_string_equal(route->route.address, cloud.north->setting.address);
    assert_int_equal(route->route.endpoint, 2);
    assert_null(beat_by(1)); /* recorded, and shown again by another server */
    cloud.north->sent++;
    assert_null(beat_by(2));
    cloud.north->sent++;
    route = beat_by(1);
    assert_non_null(route);
    assert_int_equal(route->route.endpoint, 1);
    cloud.north->sent++;
}

#define with_cloud(test) cloud_test(test, &cloud)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_cloud(a_reply_that_waits_is_given_at_the_operations_end),
        with_cloud(a_reply_waits_no_longer_than_it_was_asked_to),
        with_cloud(who_asks_after_the_end_does_not_wait),
        with_cloud(a_stop_answers_all_who_wait_and_refuses_who_comes),
        with_cloud(the_reply_to_a_superseded_creation_is_its_true_end),
        with_cloud(when_too_many_wait_the_next_is_answered_at_once),
        with_cloud(a_creation_that_nobody_confirms_ends_at_its_deadline_and_is_undone),
        with_cloud(a_deletion_goes_on_after_its_deadline_until_it_is_true),
        with_cloud(a_verb_that_nobody_confirms_leaves_the_vm_as_it_is_known),
        with_cloud(a_silent_cluster_is_suspect_then_unreachable_and_gets_nothing_new),
        with_cloud(an_instruction_that_is_not_answered_is_sent_again_as_the_same),
        with_cloud(after_a_restart_what_is_under_way_goes_on_when_its_cluster_is_back),
        with_cloud(a_vm_that_is_missing_in_its_clusters_table_is_lost),
        with_cloud(nobody_but_a_pinned_cluster_on_its_link_is_heard),
        with_cloud(a_cluster_of_another_protocol_version_is_told_apart),
        with_cloud(answers_follow_what_is_new_and_no_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
