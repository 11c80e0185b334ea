/* What an operation tells of itself, to tenants, operators and a cluster's owner. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cloud.h"
#include "cluster.h"
#include "message/owner.h"

static struct cloud above; /* of this program's only thread; each test begins with a fresh one */

static int set_up_cluster(void **state) {
    (void)state;
    cluster_open((const uint64_t[]){3, 2}, 2, (struct amounts){.vms = 5});
    return 0;
}

/* What the operation tells that user. */
static const struct operation *told(struct cloud *top, enum cloud_user user, const char *op) {
    struct request request = cloud_request(top, user, REQUEST_OP_SHOW);
    text_set(request.key, op);
    const struct reply *reply = bench_ask(&top->bench, &request);
    assert_int_equal(reply->kind, REPLY_OPERATION);
    return reply->record.data;
}

static const struct operation *told_owner(const char *op) {
    struct request request = {.kind = REQUEST_OP_SHOW, .handle = 7};
    text_set(request.key, op);
    const struct reply *reply = bench_ask(&bench, &request);
    assert_int_equal(reply->kind, REPLY_RECORD);
    assert_ptr_equal(reply->record.table, &hosted_operation_table);
    return reply->record.data;
}

struct line {
    enum step step;
    enum decider by;
    const char *place;
    enum code code;
};

static void assert_timeline(const struct operation *op, const struct line *lines, size_t count) {
    assert_int_equal(op->timeline_count, count);
    for (size_t i = 0; i < count; i++) {
        const struct timeline_entry *entry = &op->timeline[i];
        assert_int_equal(entry->step, lines[i].step);
        assert_int_equal(entry->by, lines[i].by);
        assert_int_equal(entry->code, lines[i].code);
        assert_true(!entry->place == !lines[i].place);
        if (entry->place)
            assert_string_equal(entry->place, lines[i].place);
        assert_true(!i || entry->at_ms >= entry[-1].at_ms);
    }
}

static void assert_waits(const struct operation *op, enum wait wait, const char *place) {
    assert_int_equal(op->waits.wait, wait);
    assert_true(!op->waits.place == !place);
    if (place)
        assert_string_equal(op->waits.place, place);
    assert_true(op->waits.since_ms > 0);
}

static void each_candidate_stands_in_the_timeline_with_its_reason(void **state) {
    struct cloud *top = *state;
    struct message first, second;
    struct request wish = cloud_wish(top, cloud_alice, "web");
    struct id op = cloud_begin(top, &wish);
    (void)cloud_instructed(top, &first);
    assert_waits(told(top, cloud_alice, op.text), WAIT_TAKING, "agent-0");
    bench_say(&top->bench, top->north, bench_result(&first, CODE_NOT_ALLOWED, VM_FAILED));
    (void)cloud_instructed(top, &second);
    struct message progress = {.kind = MESSAGE_PROGRESS, .progress.step = STEP_FETCHING};
    text_set(progress.progress.op, op.text);
    bench_say(&top->bench, top->south, progress);
    assert_waits(told(top, cloud_alice, op.text), WAIT_RESULT, "agent-1");
    bench_say(&top->bench, top->south, bench_result(&second, CODE_OK, VM_RUNNING));
    static const struct line lines[] = {
        {STEP_ACCEPTED, BY_ASKER, NULL, CODE_OK},
        {STEP_PLACED, BY_MANAGER, "agent-0", CODE_OK},
        {STEP_INSTRUCTED, BY_MANAGER, NULL, CODE_OK},
        {STEP_PREPARING, BY_PLACE, NULL, CODE_OK},
        {STEP_REFUSED, BY_PLACE, "agent-0", CODE_NOT_ALLOWED},
        {STEP_PLACED, BY_MANAGER, "agent-1", CODE_OK},
        {STEP_INSTRUCTED, BY_MANAGER, NULL, CODE_OK},
        {STEP_FETCHING, BY_PLACE, NULL, CODE_OK},
        {STEP_ENDED, BY_PLACE, NULL, CODE_OK},
    };
    const struct operation *ended = told(top, cloud_alice, op.text);
    assert_timeline(ended, lines, array_size(lines));
    assert_int_equal(ended->waits.wait, WAIT_NOTHING);
    bench_restart(&top->bench);
    assert_timeline(told(top, cloud_operator, op.text), lines, array_size(lines));
}

static void a_wait_for_a_cluster_says_since_when_and_stays_told(void **state) {
    struct cloud *top = *state;
    struct message instruct;
    struct id vm = cloud_run_vm(top, cloud_alice, "web");
    struct request stop = cloud_act(top, cloud_alice, VERB_STOP, "web");
    struct id op = cloud_begin(top, &stop);
    bench_pass(&top->bench, 1000);
    uint64_t cut_ms = bench_wall_ms + top->bench.now_ms;
    bench_cut(&top->bench, top->north);
    bench_pass(&top->bench, 20000);
    const struct operation *waiting = told(top, cloud_alice, op.text);
    assert_waits(waiting, WAIT_PLACE, "agent-0");
    assert_int_equal(waiting->waits.since_ms, cut_ms);
    bench_hello(&top->bench, top->north, 2);
    static const struct line lines[] = {
        {STEP_ACCEPTED, BY_ASKER, NULL, CODE_OK},
        {STEP_INSTRUCTED, BY_MANAGER, "agent-0", CODE_OK},
        {STEP_WAITING, BY_MANAGER, "agent-0", CODE_UNREACHABLE},
        {STEP_INSTRUCTED, BY_MANAGER, "agent-0", CODE_OK},
        {STEP_ENDED, BY_MANAGER, NULL, CODE_DEADLINE},
    };
    (void)cloud_instructed(top, &instruct);
    assert_timeline(told(top, cloud_alice, op.text), lines, array_size(lines) - 1);
    bench_restart(&top->bench);
    assert_timeline(told(top, cloud_alice, op.text), lines, array_size(lines) - 1);
    assert_waits(told(top, cloud_alice, op.text), WAIT_PLACE, "agent-0");
    bench_pass(&top->bench, 400000);
    assert_timeline(told(top, cloud_alice, op.text), lines, array_size(lines));
    assert_int_equal(cloud_vm(top, vm.text)->state, VM_RUNNING);
}

static void what_is_begun_while_its_cluster_is_away_says_so(void **state) {
    struct cloud *top = *state;
    (void)cloud_run_vm(top, cloud_alice, "web");
    bench_cut(&top->bench, top->north);
    struct request stop = cloud_act(top, cloud_operator, VERB_STOP, "");
    const struct vm *vm = &container_of(role_book(top->bench.role)->vms.next, struct book_vm,
                                        by_age)->record;
    text_set(stop.key, vm->id);
    struct id op = cloud_begin(top, &stop);
    static const struct line lines[] = {
        {STEP_ACCEPTED, BY_OPERATOR, NULL, CODE_OK},
        {STEP_WAITING, BY_MANAGER, "agent-0", CODE_UNREACHABLE},
    };
    assert_timeline(told(top, cloud_alice, op.text), lines, array_size(lines));
    bench_restart(&top->bench);
    assert_timeline(told(top, cloud_alice, op.text), lines, array_size(lines));
    assert_waits(told(top, cloud_alice, op.text), WAIT_PLACE, "agent-0");
}

static void operators_are_told_how_often_it_was_sent_and_tenants_are_not(void **state) {
    struct cloud *top = *state;
    struct request wish = cloud_wish(top, cloud_alice, "web");
    struct id op = cloud_begin(top, &wish);
    for (size_t i = 0; i < 3; i++) { /* which hears and says nothing of it */
        bench_pass(&top->bench, 9000);
        bench_say(&top->bench, top->north, (struct message){.kind = MESSAGE_BEAT});
    }
    assert_true(told(top, cloud_operator, op.text)->waits.sent > 1);
    assert_int_equal(told(top, cloud_alice, op.text)->waits.sent, 0);
    assert_waits(told(top, cloud_alice, op.text), WAIT_TAKING, "agent-0");
}

static void the_owner_reads_why_it_failed_and_nobody_above_does(void **state) {
    (void)state;
    struct id op;
    bench.asks_why = true; /* a manager above that would read it */
    bench_cut(&bench, cloud);
    bench_welcome(&bench, cloud);
    struct message define = bench_define("1", "1", 1, &bench_shapes[0]), instruct;
    text_set(op.text, define.instruct.op);
    bench_say(&bench, cloud, define);
    struct event image = {.kind = EVENT_IMAGE,
                          .image = {.link = cloud->setting.link, .code = CODE_IMAGE_UNAVAILABLE,
                                    .why = "nobody answers"}};
    text_set(image.image.digest, bench_last(&bench, EFFECT_IMAGE)->image.digest);
    effects_clear(&bench.effects);
    bench_step(&bench, image);
    assert_null(bench_told(&bench, cloud, MESSAGE_RESULT)->result.why);
    assert_string_equal(told_owner(op.text)->why, "nobody answers");

    bench_step(&bench, (struct event){.kind = EVENT_DISK, .disk = {true}});
    define = bench_define("3", "3", 1, &bench_shapes[0]);
    text_set(op.text, define.instruct.op);
    bench_say(&bench, cloud, define);
    assert_string_equal(told_owner(op.text)->why, "the disk of this manager is full");
    bench_step(&bench, (struct event){.kind = EVENT_DISK, .disk = {false}});

    define = bench_define("2", "2", 1, &bench_shapes[0]);
    text_set(op.text, define.instruct.op);
    bench_say(&bench, cloud, define);
    cluster_image(CODE_OK);
    struct far *host = cluster_instructed(&instruct);
    struct message result = bench_result(&instruct, CODE_IMAGE_UNAVAILABLE, VM_FAILED);
    result.result.why = memory_text("GET http://inside: refused");
    bench_say(&bench, host, result);
    assert_int_equal(bench_told(&bench, cloud, MESSAGE_RESULT)->result.code,
                     CODE_IMAGE_UNAVAILABLE);
    assert_null(bench_told(&bench, cloud, MESSAGE_RESULT)->result.why);
    assert_string_equal(told_owner(op.text)->why, "GET http://inside: refused");
}

static void the_owner_sees_the_hosts_that_were_tried(void **state) {
    (void)state;
    struct message define = bench_define("1", "1", 1, &bench_shapes[0]);
    struct id op;
    text_set(op.text, define.instruct.op);
    bench_say(&bench, cloud, define);
    struct event image = {.kind = EVENT_IMAGE, .image.link = cloud->setting.link};
    text_set(image.image.digest, bench_last(&bench, EFFECT_IMAGE)->image.digest);
    assert_int_equal(told_owner(op.text)->waits.wait, WAIT_IMAGE);
    effects_clear(&bench.effects);
    bench_step(&bench, image);
    cluster_answer(CODE_NO_CAPACITY, VM_FAILED);
    cluster_answer(CODE_OK, VM_RUNNING);
    static const struct line lines[] = {
        {STEP_ACCEPTED, BY_ASKER, NULL, CODE_OK},
        {STEP_PLACED, BY_MANAGER, "agent-0", CODE_OK},
        {STEP_INSTRUCTED, BY_MANAGER, NULL, CODE_OK},
        {STEP_PREPARING, BY_PLACE, NULL, CODE_OK},
        {STEP_REFUSED, BY_PLACE, "agent-0", CODE_NO_CAPACITY},
        {STEP_PLACED, BY_MANAGER, "agent-1", CODE_OK},
        {STEP_INSTRUCTED, BY_MANAGER, NULL, CODE_OK},
        {STEP_ENDED, BY_PLACE, NULL, CODE_OK},
    };
    assert_timeline(told_owner(op.text), lines, array_size(lines));
    struct message settled = {.kind = MESSAGE_SETTLED};
    text_set(settled.settled.op, op.text);
    bench_say(&bench, cloud, settled);
    assert_null(book_op(role_book(bench.role), op.text)); /* out of the books, and still told */
    assert_timeline(told_owner(op.text), lines, array_size(lines));
}

static void the_owners_limits_are_the_owners_decision(void **state) {
    (void)state;
    struct message define = bench_define("1", "1", 1, &bench_shapes[0]);
    struct id op;
    text_set(op.text, define.instruct.op);
    cluster_reopen((const uint64_t[]){3}, 1, (struct amounts){.cpus = 0, .memory_mib = 1});
    bench_say(&bench, cloud, define);
    static const struct line lines[] = {{STEP_ACCEPTED, BY_ASKER, NULL, CODE_OK},
                                        {STEP_ENDED, BY_OPERATOR, NULL, CODE_NO_CAPACITY}};
    assert_timeline(told_owner(op.text), lines, array_size(lines));
}

static void a_host_with_room_that_may_come_back_is_waited_for(void **state) {
    (void)state;
    struct message define = bench_define("1", "1", 1, &bench_shapes[0]);
    struct id op;
    text_set(op.text, define.instruct.op);
    bench_restart(&bench);
    bench_welcome(&bench, cloud);
    bench_say(&bench, cloud, define);
    cluster_image(CODE_OK);
    static const struct line lines[] = {{STEP_ACCEPTED, BY_ASKER, NULL, CODE_OK},
                                        {STEP_WAITING, BY_MANAGER, NULL, CODE_NO_CAPACITY}};
    assert_timeline(told_owner(op.text), lines, array_size(lines));
    assert_waits(told_owner(op.text), WAIT_ROOM, NULL);
}

static void the_owner_reads_the_last_that_ended_and_no_more(void **state) {
    (void)state;
    struct book *book = memory_new(1, sizeof(*book));
    struct effects out = {0};
    struct moment moment = {.out = &out};
    book_init(book, NULL, 1, &moment);
    book->kept_most = 3;
    for (size_t i = 0; i < 5; i++) {
        struct operation record = {.state = OP_FAILED};
        text_format(record.id, sizeof(record.id), "op-%026zu", i);
        book_remove_op(book, book_add_op(book, &record));
    }
    assert_int_equal(book->ops_count, 0);
    assert_null(book_op_told(book, "op-00000000000000000000000001"));
    assert_non_null(book_op_told(book, "op-00000000000000000000000002"));
    assert_non_null(book_op_told(book, "op-00000000000000000000000004"));
    struct operation again = {.state = OP_SUCCEEDED, .id = "op-00000000000000000000000003"};
    book_remove_op(book, book_add_op(book, &again));
    assert_int_equal(book_op_told(book, again.id)->record.state, OP_SUCCEEDED);
    struct operation open = {.id = "op-00000000000000000000000009"};
    book_remove_op(book, book_add_op(book, &open));
    assert_null(book_op_told(book, open.id)); /* it has no end to tell of */
    effects_deinit(&out);
    book_deinit(book);
    memory_free(book);
}

static void the_owner_lists_operations_that_ended_and_those_under_way(void **state) {
    (void)state;
    for (int i = 1; i <= 3; i++) {
        char name[2] = {(char)('0' + i), 0};
        struct message define = bench_define(name, name, 1, &bench_shapes[0]);
        struct message settled = {.kind = MESSAGE_SETTLED};
        text_set(settled.settled.op, define.instruct.op);
        bench_say(&bench, i == 2 ? other : cloud, define);
        cluster_image(CODE_OK);
        cluster_answer(CODE_OK, VM_RUNNING);
        if (i < 3)
            bench_say(&bench, i == 2 ? other : cloud, settled);
    }
    struct request request = {.kind = REQUEST_OP_LIST, .handle = 8, .list.limit = 2};
    const struct reply *reply = bench_ask(&bench, &request);
    assert_int_equal(reply->list_count, 2);
    assert_string_equal(((const struct operation *)reply->list[0].data)->vm_name, "web-3");
    text_set(request.list.after, reply->next);
    request.handle++;
    reply = bench_ask(&bench, &request);
    assert_int_equal(reply->list_count, 1);
    assert_string_equal(((const struct operation *)reply->list[0].data)->vm_name, "web-1");
    request = (struct request){.kind = REQUEST_OP_LIST, .handle = 20};
    text_set(request.list.upstream, "manager-1");
    reply = bench_ask(&bench, &request);
    assert_int_equal(reply->list_count, 1);
    assert_string_equal(((const struct operation *)reply->list[0].data)->vm_name, "web-2");
}

#define with_cloud(test) cloud_test(test, &above)
#define with_cluster(test) cmocka_unit_test_setup_teardown(test, set_up_cluster, cluster_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_cloud(each_candidate_stands_in_the_timeline_with_its_reason),
        with_cloud(a_wait_for_a_cluster_says_since_when_and_stays_told),
        with_cloud(what_is_begun_while_its_cluster_is_away_says_so),
        with_cloud(operators_are_told_how_often_it_was_sent_and_tenants_are_not),
        with_cluster(the_owner_reads_why_it_failed_and_nobody_above_does),
        with_cluster(the_owner_sees_the_hosts_that_were_tried),
        with_cluster(the_owners_limits_are_the_owners_decision),
        with_cluster(a_host_with_room_that_may_come_back_is_waited_for),
        with_cluster(the_owner_lists_operations_that_ended_and_those_under_way),
        cmocka_unit_test(the_owner_reads_the_last_that_ended_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
