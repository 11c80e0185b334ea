/* Copies that nobody asks for: when they begin, whose turn it is, what becomes of one that fails
 * and of what is asked meanwhile, and when the newest one counts as late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cluster.h"

enum { every_s = 600, every_ms = 600000, soon_ms = every_ms / 8 + 2000, hosts = 5, beat_ms = 2000 };

/* Buckets that were opened: copies that began. */
static struct effect_bucket begun[16];
static size_t begun_count;

static void note_begun(void) {
    for (size_t i = 0; i < bench.effects.count; i++)
        if (bench.effects.items[i].kind == EFFECT_BUCKET &&
            bench.effects.items[i].bucket.order == BUCKET_OPEN)
            begun[begun_count++] = bench.effects.items[i].bucket;
}

/* Hosts beat as time passes. */
static size_t begin_within(uint64_t most_ms) {
    begun_count = 0;
    for (uint64_t ms = 0; ms < most_ms; ms += beat_ms) {
        bench_pass(&bench, beat_ms);
        note_begun();
        for (size_t i = 0; i < bench.settings.agents_count; i++) {
            bench_say(&bench, bench_agent(&bench, i), (struct message){.kind = MESSAGE_BEAT});
            note_begun();
        }
    }
    return begun_count;
}

static void answer_store(enum bucket_order order, const char *vm, const char *op) {
    struct event event = {.kind = EVENT_BUCKET, .bucket = {.order = order}};
    text_set(event.bucket.vm, vm);
    text_set(event.bucket.op, op);
    text_set(event.bucket.copy.token, bench_pin);
    text_set(event.bucket.copy.key, bench_pin);
    text_set(event.bucket.image, bench_pin);
    bench_pass(&bench, 0); /* what was done before is not looked at any more */
    begun_count = 0;
    bench_step(&bench, event);
    note_begun();
}

/* The host does what it is told about the copy that began first, and it counts if it was made. */
static void end_copy(enum code code) {
    const struct effect_bucket is = begun[0];
    struct message instruct;
    answer_store(BUCKET_OPEN, is.vm, is.op);
    struct far *host = cluster_instructed(&instruct);
    assert_non_null(host);
    assert_int_equal(instruct.instruct.verb, VERB_COPY);
    struct message result = bench_result(&instruct, code, VM_RUNNING);
    text_set(result.result.copied.root, code == CODE_OK ? bench_pin : "");
    bench_say(&bench, host, result);
    note_begun();
    if (code == CODE_OK)
        answer_store(BUCKET_KEEP, is.vm, is.op);
}

struct name {
    char text[limit_id_size];
};

static struct name name_of(const char *kind, unsigned number) {
    struct name name;
    text_format(name.text, sizeof(name.text), "%s-%026u", kind, number);
    return name;
}

static void run_vm(struct far *manager, unsigned number, uint32_t age_s) {
    struct message define = bench_define(name_of("op", number).text, name_of("vm", number).text, 1,
                                         &bench_shapes[0]);
    define.instruct.definition.copy_every_s = every_s;
    define.instruct.definition.copy_max_age_s = age_s;
    text_set(define.instruct.definition.image, bench_pin);
    bench_say(&bench, manager, define);
    cluster_image(CODE_OK);
    cluster_answer(CODE_OK, VM_RUNNING);
}

/* It runs there, where alone there is room. */
static void run_on(size_t host, struct far *manager, unsigned number) {
    bench_hello(&bench, bench_agent(&bench, host), 1);
    run_vm(manager, number, 3 * every_s);
    bench_hello(&bench, bench_agent(&bench, host), 0);
}

static void open_with(const uint64_t *rooms) { cluster_open(rooms, hosts, (struct amounts){0}); }

static void a_vm_is_copied_again_and_again_with_nobody_asking(void **state) {
    (void)state;
    open_with((uint64_t[]){1, 0, 0, 0, 0});
    run_vm(cloud, 1, 3 * every_s);
    assert_int_equal(1, begin_within(soon_ms));
    end_copy(CODE_OK);
    const struct message *told = bench_told(&bench, cloud, MESSAGE_VM);
    assert_non_null(told);
    assert_int_equal(told->vm.facts.copies_count, 1);
    assert_false(told->vm.facts.copy_late);
    assert_int_equal(0, begin_within(every_ms - soon_ms - beat_ms)); /* no sooner than it is due */
    assert_int_equal(1, begin_within(2ULL * soon_ms));
    end_copy(CODE_OK);
    assert_int_equal(bench_told(&bench, cloud, MESSAGE_VM)->vm.facts.copies_count, 2);
    assert_null(bench_told(&bench, cloud, MESSAGE_RESULT)); /* of nobody's operation */
}

static void what_began_before_a_start_goes_on_and_the_next_is_due_as_before(void **state) {
    (void)state;
    open_with((uint64_t[]){1, 0, 0, 0, 0});
    run_vm(cloud, 1, 3 * every_s);
    assert_int_equal(1, begin_within(soon_ms));
    end_copy(CODE_OK);
    assert_int_equal(0, begin_within(every_ms / 2));
    bench_restart(&bench);
    bench_welcome(&bench, cloud);
    bench_hello(&bench, bench_agent(&bench, 0), 0);
    assert_int_equal(0, begin_within(every_ms / 4));
    assert_int_equal(1, begin_within(every_ms / 4 + soon_ms));
}

static void one_at_a_host_and_four_in_a_cluster_are_copied_at_once(void **state) {
    (void)state;
    open_with((uint64_t[]){0, 0, 0, 0, 0});
    for (unsigned number = 1; number <= 6; number++)
        run_on(number % hosts, cloud, number);
    assert_int_equal(begin_within(4ULL * soon_ms), 4);
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(book_vm(role_book(bench.role), begun[k].vm)->record.place,
                                    book_vm(role_book(bench.role), begun[i].vm)->record.place);
    end_copy(CODE_OK);
    assert_int_equal(begun_count, 1);
}

/* Who has fewer under way goes first, however long others have waited. */
static void upstream_managers_take_turns(void **state) {
    (void)state;
    open_with((uint64_t[]){0, 0, 0, 0, 0});
    for (unsigned number = 1; number <= 8; number++)
        run_on(number % 4, cloud, number);
    assert_int_equal(begin_within(4ULL * soon_ms), 4); /* and the others are due by then */
    const struct effect_bucket first = begun[0];
    run_on(4, other, 9);
    assert_int_equal(begin_within(2ULL * soon_ms), 0);
    begun[0] = first;
    end_copy(CODE_OK);
    assert_int_equal(begun_count, 1);
    assert_string_equal(begun[0].vm, name_of("vm", 9).text);
}

static void what_fails_is_tried_again_later_and_later(void **state) {
    (void)state;
    open_with((uint64_t[]){1, 0, 0, 0, 0});
    run_vm(cloud, 1, 3 * every_s);
    assert_int_equal(1, begin_within(soon_ms));
    for (uint64_t pause_ms = 10000; pause_ms <= 40000; pause_ms *= 2) {
        end_copy(CODE_HOST_FAILED);
        assert_int_equal(0, begin_within(pause_ms / 2));
        assert_int_equal(1, begin_within(pause_ms));
    }
}

static void a_host_that_is_away_holds_up_nobody(void **state) {
    (void)state;
    open_with((uint64_t[]){1, 0, 0, 0, 0});
    run_vm(cloud, 1, 3 * every_s);
    bench_cut(&bench, bench_agent(&bench, 0));
    assert_int_equal(0, begin_within(2ULL * every_ms));
    bench_hello(&bench, bench_agent(&bench, 0), 0);
    assert_int_equal(1, begin_within(40000));
    end_copy(CODE_OK);
    assert_int_equal(0, begin_within(every_ms / 2)); /* nothing has piled up */
}

/* The newest word of it to the manager, as its hosts beat: -1: there was none. */
static int late_within(uint64_t most_ms) {
    int late = -1;
    for (uint64_t ms = 0; ms < most_ms && late < 0; ms += beat_ms) {
        bench_pass(&bench, beat_ms);
        const struct message *told = bench_told(&bench, cloud, MESSAGE_VM);
        if (told && told->vm.facts.size.cpus)
            late = told->vm.facts.copy_late;
    }
    return late;
}

static void what_is_late_is_told_once_and_once_when_it_is_so_no_more(void **state) {
    (void)state;
    open_with((uint64_t[]){1, 0, 0, 0, 0});
    run_vm(cloud, 1, 2 * every_s);
    bench_cut(&bench, bench_agent(&bench, 0));
    assert_int_equal(late_within(2ULL * every_ms - 10000), -1);
    assert_int_equal(late_within(20000), 1);
    assert_int_equal(late_within(every_ms), -1);
    bench_hello(&bench, bench_agent(&bench, 0), 0);
    assert_int_equal(1, begin_within(40000));
    end_copy(CODE_OK);
    const struct message *told = bench_told(&bench, cloud, MESSAGE_VM);
    assert_non_null(told);
    assert_false(told->vm.facts.copy_late);
}

static void what_is_asked_meanwhile_waits_for_the_end(void **state) {
    struct message instruct;
    (void)state;
    open_with((uint64_t[]){1, 0, 0, 0, 0});
    run_vm(cloud, 1, 3 * every_s);
    assert_int_equal(1, begin_within(soon_ms));
    const struct effect_bucket first = begun[0];
    bench_say(&bench, cloud, bench_instruct(name_of("op", 2).text, name_of("vm", 1).text, 2,
                                             VERB_STOP));
    assert_null(bench_told(&bench, cloud, MESSAGE_RESULT));
    assert_null(cluster_instructed(&instruct));
    begun[0] = first;
    end_copy(CODE_OK);
    assert_non_null(cluster_instructed(&instruct));
    assert_int_equal(instruct.instruct.verb, VERB_STOP);
    cluster_answer(CODE_OK, VM_STOPPED);
    cluster_assert_result(cloud, CODE_OK, VM_STOPPED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_vm_is_copied_again_and_again_with_nobody_asking,
                                  cluster_tear_down),
        cmocka_unit_test_teardown(what_began_before_a_start_goes_on_and_the_next_is_due_as_before,
                                  cluster_tear_down),
        cmocka_unit_test_teardown(one_at_a_host_and_four_in_a_cluster_are_copied_at_once,
                                  cluster_tear_down),
        cmocka_unit_test_teardown(upstream_managers_take_turns, cluster_tear_down),
        cmocka_unit_test_teardown(what_fails_is_tried_again_later_and_later, cluster_tear_down),
        cmocka_unit_test_teardown(a_host_that_is_away_holds_up_nobody, cluster_tear_down),
        cmocka_unit_test_teardown(what_is_late_is_told_once_and_once_when_it_is_so_no_more,
                                  cluster_tear_down),
        cmocka_unit_test_teardown(what_is_asked_meanwhile_waits_for_the_end, cluster_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
