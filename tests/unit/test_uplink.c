/* How an instruction stands against what is known of its VM: every case, with its code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench.h"
#include "core/above/instruct.h"
#include "core/above/uplink.h"

#define owner "manager-0"

struct desk {
    struct book book;
    struct effects effects;
    struct moment moment;
};

static int set_up(void **state) {
    static struct desk desk; /* of this test program's only thread */
    desk = (struct desk){.moment = {5, 5, &desk.effects}};
    book_init(&desk.book, NULL, 1, &desk.moment);
    *state = &desk;
    return 0;
}

static int tear_down(void **state) {
    struct desk *desk = *state;
    book_check(&desk->book);
    book_deinit(&desk->book);
    effects_deinit(&desk->effects);
    return 0;
}

static struct book_op *begin(struct desk *desk, struct message message) {
    return uplink_begin(&desk->book, owner, &message.instruct);
}

static void assert_refused(struct desk *desk, struct message message, enum code wanted) {
    enum code code = CODE_INTERNAL;
    if (uplink_judge(&desk->book, owner, &message.instruct, &code) != UPLINK_REFUSED ||
        code != wanted)
        fail_msg("%s: %s instead of %s", verb_names[message.instruct.verb], code_names[code],
                 code_names[wanted]);
}

static void assert_judged(struct desk *desk, struct message message,
                          enum uplink_judgement wanted) {
    enum code code = CODE_INTERNAL;
    assert_int_equal(uplink_judge(&desk->book, owner, &message.instruct, &code), wanted);
}

static void a_vm_that_is_not_there_can_be_defined_and_is_gone_already(void **state) {
    struct desk *desk = *state;
    assert_judged(desk, bench_define("1", "1", 1, bench_shapes), UPLINK_NEW);
    assert_refused(desk, bench_instruct("1", "1", 1, VERB_DEFINE), CODE_INVALID);
    assert_refused(desk, bench_instruct("1", "1", 1, VERB_DELETE), CODE_OK);
    assert_refused(desk, bench_instruct("1", "1", 1, VERB_START), CODE_LOST);
    assert_refused(desk, bench_instruct("1", "1", 1, VERB_SHUTDOWN), CODE_LOST);
    assert_refused(desk, bench_instruct("1", "1", 1, VERB_STOP), CODE_LOST);
    assert_refused(desk, bench_instruct("1", "1", 1, VERB_REBOOT), CODE_LOST);
}

static void a_repeat_is_known_while_it_is_under_way_and_after(void **state) {
    struct desk *desk = *state;
    struct book_op *op = begin(desk, bench_define("1", "1", 3, bench_shapes));
    assert_judged(desk, bench_define("1", "1", 3, bench_shapes), UPLINK_UNDER_WAY);
    book_end(&desk->book, op, CODE_OK);
    assert_judged(desk, bench_define("1", "1", 3, bench_shapes), UPLINK_ANSWERED);
    book_remove_op(&desk->book, op); /* settled: the VM still knows it */
    assert_judged(desk, bench_define("1", "1", 3, bench_shapes), UPLINK_ANSWERED);
}

static void another_operation_of_the_same_generation_is_stale(void **state) {
    struct desk *desk = *state;
    (void)begin(desk, bench_define("1", "1", 3, bench_shapes));
    assert_refused(desk, bench_define("2", "1", 3, bench_shapes), CODE_STALE);
    assert_refused(desk, bench_instruct("2", "1", 3, VERB_DELETE), CODE_STALE);
}

static void an_older_generation_or_epoch_is_stale(void **state) {
    struct desk *desk = *state;
    struct message first = bench_define("1", "1", 3, bench_shapes);
    first.instruct.epoch = 5;
    (void)begin(desk, first);
    for (enum verb verb = VERB_DEFINE; verb < VERB_COUNT; verb++) {
        struct message older = bench_define("2", "1", 2, bench_shapes);
        struct message elsewhere = bench_define("2", "1", 9, bench_shapes);
        older.instruct.verb = elsewhere.instruct.verb = verb;
        older.instruct.epoch = 5;
        elsewhere.instruct.epoch = 4;
        if (verb == VERB_EVICT) /* by its epoch alone */
            assert_judged(desk, older, UPLINK_NEW);
        else
            assert_refused(desk, older, CODE_STALE);
        assert_refused(desk, elsewhere, CODE_STALE);
    }
}

static void a_verb_that_does_not_go_down_is_not_supported(void **state) {
    struct desk *desk = *state;
    struct book_op *op = begin(desk, bench_define("1", "1", 1, bench_shapes));
    book_end(&desk->book, op, CODE_OK);
    for (enum verb verb = VERB_START; verb < VERB_COUNT; verb++)
        if (verb == VERB_RECEIVE) /* which begins what a host knows of a VM */
            assert_refused(desk, bench_instruct("2", "1", 2, verb), CODE_CONFLICT);
        else if (verb_reaches[verb] < VERB_BELOW)
            assert_refused(desk, bench_instruct("2", "1", 2, verb), CODE_UNSUPPORTED);
        else
            assert_judged(desk, bench_instruct("2", "1", 2, verb), UPLINK_NEW);
}

static void only_a_delete_overtakes_what_is_under_way(void **state) {
    struct desk *desk = *state;
    (void)begin(desk, bench_define("1", "1", 1, bench_shapes));
    assert_refused(desk, bench_instruct("2", "1", 2, VERB_START), CODE_BUSY);
    assert_refused(desk, bench_instruct("2", "1", 2, VERB_SHUTDOWN), CODE_BUSY);
    assert_refused(desk, bench_instruct("2", "1", 2, VERB_STOP), CODE_BUSY);
    assert_refused(desk, bench_instruct("2", "1", 2, VERB_REBOOT), CODE_BUSY);
    assert_judged(desk, bench_instruct("2", "1", 2, VERB_DELETE), UPLINK_NEW);
}

static void a_deletion_ends_the_older_operation_as_superseded(void **state) {
    struct desk *desk = *state;
    struct book_op *old = begin(desk, bench_define("1", "1", 1, bench_shapes));
    struct book_op *op = begin(desk, bench_instruct("2", "1", 2, VERB_DELETE));
    assert_int_equal(old->record.state, OP_FAILED);
    assert_int_equal(old->record.code, CODE_SUPERSEDED);
    assert_int_equal(old->timer.due_ms, desk->moment.now_ms); /* its result goes up soon */
    struct book_vm *vm = book_vm(&desk->book, op->record.vm);
    assert_ptr_equal(vm->active, op);
    assert_int_equal(vm->record.state, VM_DELETING);
    assert_int_equal(vm->record.generation, 2);
}

static void a_vm_that_is_there_is_not_defined_again_unless_its_definition_failed(void **state) {
    struct desk *desk = *state;
    struct book_op *op = begin(desk, bench_define("1", "1", 1, bench_shapes));
    struct book_vm *vm = book_vm(&desk->book, op->record.vm);
    book_end(&desk->book, op, CODE_HOST_FAILED);
    for (enum vm_state in = 0; in < VM_STATE_COUNT; in++) {
        vm->record.state = in;
        if (in == VM_FAILED)
            assert_judged(desk, bench_define("2", "1", 2, bench_shapes), UPLINK_NEW);
        else
            assert_refused(desk, bench_define("2", "1", 2, bench_shapes), CODE_CONFLICT);
    }
}

static void a_vm_that_is_lost_here_may_come_again_after_it_was_elsewhere(void **state) {
    struct desk *desk = *state;
    struct book_op *op = begin(desk, bench_define("1", "1", 1, bench_shapes));
    struct book_vm *vm = book_vm(&desk->book, op->record.vm);
    book_end(&desk->book, op, CODE_OK);
    struct message anew = bench_define("2", "1", 2, bench_shapes);
    anew.instruct.epoch++;
    struct message receive = anew;
    receive.instruct.verb = VERB_RECEIVE;
    vm->record.state = VM_RUNNING;
    assert_refused(desk, receive, CODE_CONFLICT);
    vm->record.state = VM_LOST;
    assert_judged(desk, receive, UPLINK_NEW);
    assert_judged(desk, anew, UPLINK_NEW);
    assert_int_equal(begin(desk, receive)->record.verb, VERB_RECEIVE);
    assert_int_equal(vm->record.state, VM_PENDING);
}

static void a_definition_after_a_failed_one_replaces_it_in_all_points(void **state) {
    struct desk *desk = *state;
    struct book_op *op = begin(desk, bench_define("1", "1", 1, &bench_shapes[0]));
    struct book_vm *vm = book_vm(&desk->book, op->record.vm);
    book_end(&desk->book, op, CODE_HOST_FAILED);
    vm->record.state = VM_FAILED;
    struct message again = bench_define("2", "1", 2, &bench_shapes[1]);
    text_format(again.instruct.definition.name, limit_name_size, "other");
    text_format(again.instruct.definition.image, limit_digest_size, "%064d", 9);
    (void)begin(desk, again);
    assert_true(record_equal(&size_table, &vm->record.size, &bench_shapes[1].size));
    assert_string_equal(vm->record.name, "other");
    assert_string_equal(vm->record.shape, "large");
    assert_string_equal(vm->record.digest, again.instruct.definition.image);
    assert_int_equal(vm->record.state, VM_PENDING);
}

static void who_refused_may_be_asked_again_by_the_same_operation(void **state) {
    struct desk *desk = *state;
    struct book_op *op = begin(desk, bench_define("1", "1", 1, bench_shapes));
    struct book_vm *vm = book_vm(&desk->book, op->record.vm);
    book_end(&desk->book, op, CODE_NO_CAPACITY);
    vm->record.state = VM_FAILED;
    assert_judged(desk, bench_define("1", "1", 2, bench_shapes), UPLINK_NEW);
    op = begin(desk, bench_define("1", "1", 2, bench_shapes)); /* its first end is not settled */
    assert_ptr_equal(book_op(&desk->book, op->record.id), op);
    assert_int_equal(desk->book.ops_count, 1);
}

static void an_operation_is_of_one_vm(void **state) {
    struct desk *desk = *state;
    (void)begin(desk, bench_define("1", "1", 1, bench_shapes));
    assert_refused(desk, bench_define("1", "2", 1, bench_shapes), CODE_CONFLICT);
}

static void what_belongs_to_another_manager_is_out_of_reach(void **state) {
    struct desk *desk = *state;
    struct message foreign = bench_define("1", "1", 1, bench_shapes);
    (void)uplink_begin(&desk->book, "manager-1", &foreign.instruct);
    for (enum verb verb = VERB_DEFINE; verb < VERB_COUNT; verb++) {
        struct message message = bench_define("2", "1", 2, bench_shapes);
        message.instruct.verb = verb;
        assert_refused(desk, message, CODE_CONFLICT);
    }
    assert_refused(desk, bench_define("1", "1", 1, bench_shapes), CODE_CONFLICT);
}

static void settling_forgets_the_end_and_the_vm_that_is_gone(void **state) {
    struct desk *desk = *state;
    struct book_op *op = begin(desk, bench_define("1", "1", 1, bench_shapes));
    char id[limit_id_size], vm_id[limit_id_size];
    text_set(id, op->record.id);
    text_set(vm_id, op->record.vm);
    uplink_on_settled(&desk->book, owner, id);
    assert_ptr_equal(book_op(&desk->book, id), op); /* it has no end yet */
    book_vm(&desk->book, vm_id)->record.state = VM_FAILED;
    book_end(&desk->book, op, CODE_HOST_FAILED);
    uplink_on_settled(&desk->book, "manager-1", id);
    assert_ptr_equal(book_op(&desk->book, id), op); /* nor is it another manager's to settle */
    uplink_on_settled(&desk->book, owner, id);
    assert_null(book_op(&desk->book, id));
    assert_null(book_vm(&desk->book, vm_id));
}

#define with_desk(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_desk(a_vm_that_is_not_there_can_be_defined_and_is_gone_already),
        with_desk(a_repeat_is_known_while_it_is_under_way_and_after),
        with_desk(another_operation_of_the_same_generation_is_stale),
        with_desk(an_older_generation_or_epoch_is_stale),
        with_desk(a_verb_that_does_not_go_down_is_not_supported),
        with_desk(only_a_delete_overtakes_what_is_under_way),
        with_desk(a_deletion_ends_the_older_operation_as_superseded),
        with_desk(a_vm_that_is_there_is_not_defined_again_unless_its_definition_failed),
        with_desk(a_vm_that_is_lost_here_may_come_again_after_it_was_elsewhere),
        with_desk(a_definition_after_a_failed_one_replaces_it_in_all_points),
        with_desk(who_refused_may_be_asked_again_by_the_same_operation),
        with_desk(an_operation_is_of_one_vm),
        with_desk(what_belongs_to_another_manager_is_out_of_reach),
        with_desk(settling_forgets_the_end_and_the_vm_that_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
