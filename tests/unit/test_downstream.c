/* The downstream manager: one node upward, whatever stands below; what its owner lends and not
 * more; each upstream by itself. The workbench watches the wall at every message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cluster.h"

static int set_up(void **state) {
    (void)state;
    cluster_open((const uint64_t[]){3, 2, 1}, 3, (struct amounts){0});
    return 0;
}

static void the_cluster_shows_the_sum_of_its_hosts(void **state) {
    (void)state;
    const struct capacity *sum = cluster_shown(cloud);
    assert_int_equal(sum->cpus_total, 24);
    assert_int_equal(sum->cpus_free, 24);
    assert_int_equal(sum->memory_mib_total, 6 * 4096);
    assert_int_equal(sum->disk_gib_free, 300);
    assert_int_equal(sum->fits_count, 2);
    assert_string_equal(sum->fits[0].shape, "small");
    assert_int_equal(sum->fits[0].count, 6);
}

static void a_host_that_goes_takes_its_share_of_the_sum_with_it(void **state) {
    (void)state;
    bench_cut(&bench, bench_agent(&bench, 0)); /* all hosts are on that link */
    bench_pass(&bench, 200);
    assert_int_equal(cluster_shown(cloud)->cpus_total, 0);
    assert_int_equal(cluster_shown(cloud)->fits[0].count, 0);
    bench_hello(&bench, bench_agent(&bench, 1), 2);
    bench_pass(&bench, 200);
    assert_int_equal(cluster_shown(cloud)->cpus_total, 8);
    assert_int_equal(cluster_shown(cloud)->fits[0].count, 2);
}

static void a_sum_that_refusals_left_no_room_for_is_shown_after_them(void **state) {
    (void)state;
    static struct message deletions[limit_session_messages + 1]; /* of VMs that are not here */
    for (uint32_t i = 0; i < array_size(deletions); i++) {
        char number[16];
        (void)snprintf(number, sizeof(number), "%u", 1000 + i);
        deletions[i] = bench_instruct(number, number, 1, VERB_DELETE);
    }
    cloud->silent = true;
    bench_say_all(&bench, cloud, deletions, array_size(deletions)); /* the last one waits */
    bench_hello(&bench, bench_agent(&bench, 0), 9);
    bench_pass(&bench, 500);
    assert_null(bench_told(&bench, cloud, MESSAGE_CAPACITY));
    cloud->silent = false;
    bench_say(&bench, cloud, (struct message){.kind = MESSAGE_BEAT}); /* acknowledges all */
    assert_int_equal(cluster_shown(cloud)->fits[0].count, 12);
}

static void what_is_shown_stays_within_what_the_owner_lends(void **state) {
    (void)state;
    const uint64_t rooms[] = {3, 3};
    cluster_reopen(rooms, 2, (struct amounts){.vms = 2});
    assert_int_equal(cluster_shown(cloud)->fits[0].count, 2);
    assert_int_equal(cluster_shown(other)->fits[0].count, 6);
    cluster_reopen(rooms, 2, (struct amounts){.cpus = 5});
    assert_int_equal(cluster_shown(cloud)->cpus_total, 5);
    assert_int_equal(cluster_shown(cloud)->cpus_free, 5);
    assert_int_equal(cluster_shown(cloud)->fits[0].count, 5);
    assert_int_equal(cluster_shown(cloud)->fits[1].count, 1);
    cluster_reopen(rooms, 2, (struct amounts){.memory_mib = 1100});
    assert_int_equal(cluster_shown(cloud)->memory_mib_total, 1100);
    assert_int_equal(cluster_shown(cloud)->fits[0].count, 2);
    cluster_reopen(rooms, 2, (struct amounts){.disk_gib = 54});
    assert_int_equal(cluster_shown(cloud)->disk_gib_total, 54);
    assert_int_equal(cluster_shown(cloud)->fits[1].count, 1);
}

static void what_is_asked_beyond_a_limit_is_refused_and_fetches_nothing(void **state) {
    (void)state;
    static const struct amounts limits[] = {
        {.vms = 1}, {.cpus = 1}, {.memory_mib = 600}, {.disk_gib = 9}};
    for (size_t i = 0; i < array_size(limits); i++) {
        cluster_reopen((const uint64_t[]){6}, 1, limits[i]);
        cluster_run_vm(cloud, "1", "1");
        bench_say(&bench, cloud, bench_define("2", "2", 1, &bench_shapes[0]));
        cluster_assert_result(cloud, CODE_NO_CAPACITY, VM_FAILED);
        assert_int_equal(bench_count(&bench, EFFECT_IMAGE), 0);
        cluster_run_vm(other, "3", "3"); /* another's limit is another's */
    }
}

static void a_manager_on_a_full_disk_shows_no_room_and_lets_vms_end(void **state) {
    (void)state;
    cluster_run_vm(cloud, "1", "1");
    bench_step(&bench, (struct event){.kind = EVENT_DISK, .disk = {true}});
    bench_pass(&bench, 500);
    assert_int_equal(cluster_shown(cloud)->cpus_free, 0);
    assert_int_equal(cluster_shown(cloud)->fits[0].count, 0);
    assert_false(cluster_shown(cloud)->disk_full); /* an inside matter */
    bench_say(&bench, cloud, bench_define("2", "2", 1, &bench_shapes[0]));
    cluster_assert_result(cloud, CODE_NO_CAPACITY, VM_FAILED);
    bench_say(&bench, cloud, bench_instruct("3", "1", 2, VERB_DELETE));
    cluster_answer(CODE_OK, VM_DELETED);
    cluster_assert_result(cloud, CODE_OK, VM_DELETED);
    bench_step(&bench, (struct event){.kind = EVENT_DISK, .disk = {false}});
    bench_pass(&bench, 500);
    assert_true(cluster_shown(cloud)->fits[0].count > 0);
}

static void the_last_vm_that_a_limit_permits_is_permitted(void **state) {
    (void)state;
    cluster_reopen((const uint64_t[]){6}, 1, (struct amounts){2, 2, 1024, 10});
    cluster_run_vm(cloud, "1", "1");
    cluster_run_vm(cloud, "2", "2");
    assert_int_equal(cluster_shown(cloud)->cpus_free, 0);
    assert_int_equal(cluster_shown(cloud)->fits[0].count, 0);
}

static void a_failed_definition_that_grows_is_held_against_the_limit_by_its_new_size(void **s) {
    (void)s;
    cluster_reopen((const uint64_t[]){6}, 1, (struct amounts){.cpus = 2});
    bench_say(&bench, cloud, bench_define("1", "1", 1, &bench_shapes[0]));
    cluster_image(CODE_IMAGE_BROKEN);
    cluster_assert_result(cloud, CODE_IMAGE_BROKEN, VM_FAILED);
    bench_say(&bench, cloud, bench_define("2", "1", 2, &bench_shapes[1]));
    cluster_assert_result(cloud, CODE_NO_CAPACITY, VM_FAILED);
}

static void a_vm_that_is_gone_gives_its_share_back(void **state) {
    (void)state;
    cluster_reopen((const uint64_t[]){6}, 1, (struct amounts){.vms = 1});
    cluster_run_vm(cloud, "1", "1");
    bench_say(&bench, cloud, bench_instruct("2", "1", 2, VERB_DELETE));
    cluster_answer(CODE_OK, VM_DELETED);
    cluster_assert_result(cloud, CODE_OK, VM_DELETED);
    cluster_run_vm(cloud, "3", "2");
}

static void a_definition_goes_to_the_roomiest_host_in_this_levels_own_numbers(void **state) {
    (void)state;
    struct message define = bench_define("1", "1", 41, &bench_shapes[0]), instruct;
    define.instruct.epoch = 9;
    bench_say(&bench, cloud, define);
    assert_int_equal(bench_last(&bench, EFFECT_IMAGE)->image.link, cloud->setting.link);
    assert_null(cluster_instructed(&instruct));
    cluster_image(CODE_OK);
    assert_ptr_equal(cluster_instructed(&instruct), bench_agent(&bench, 0));
    assert_int_equal(instruct.instruct.epoch, 1);
    assert_int_equal(instruct.instruct.generation, 1);
    cluster_answer(CODE_OK, VM_RUNNING);
    const struct result *result = &bench_told(&bench, cloud, MESSAGE_RESULT)->result;
    assert_int_equal(result->generation, 41);
    struct message report = {.kind = MESSAGE_VM, .vm = {.epoch = 1, .generation = 1,
                                                        .state = VM_CRASHED}};
    text_set(report.vm.vm, define.instruct.vm);
    bench_say(&bench, bench_agent(&bench, 0), report);
    const struct vm_report *told = &bench_told(&bench, cloud, MESSAGE_VM)->vm;
    assert_int_equal(told->epoch, 9);
    assert_int_equal(told->generation, 41);
    assert_int_equal(told->state, VM_CRASHED);
    assert_null(bench_told(&bench, other, MESSAGE_VM));
}

static void an_image_that_cannot_be_had_ends_the_definition(void **state) {
    (void)state;
    struct message instruct;
    bench_say(&bench, cloud, bench_define("1", "1", 1, &bench_shapes[0]));
    bench_say(&bench, cloud, bench_define("2", "2", 1, &bench_shapes[0])); /* the same image */
    cluster_image(CODE_IMAGE_UNAVAILABLE);
    assert_null(cluster_instructed(&instruct));
    cluster_assert_result(cloud, CODE_IMAGE_UNAVAILABLE, VM_FAILED);
    size_t results = 0;
    for (size_t i = 0; i < bench.effects.count; i++)
        results += bench.effects.items[i].kind == EFFECT_SEND &&
                   bench.effects.items[i].send.message.kind == MESSAGE_RESULT;
    assert_int_equal(results, 2);
}

static void a_host_that_refuses_is_followed_by_each_other_and_then_by_the_truth(void **state) {
    (void)state;
    struct message instruct;
    bool asked[3] = {false};
    bench_say(&bench, cloud, bench_define("1", "1", 1, &bench_shapes[0]));
    cluster_image(CODE_OK);
    for (size_t i = 0; i < 3; i++) {
        struct far *host = cluster_instructed(&instruct);
        assert_non_null(host);
        assert_false(asked[host - bench.fars]);
        assert_int_equal(instruct.instruct.epoch, i + 1);
        asked[host - bench.fars] = true;
        assert_null(bench_told(&bench, cloud, MESSAGE_RESULT));
        cluster_answer(CODE_NO_CAPACITY, VM_FAILED);
    }
    cluster_assert_result(cloud, CODE_NO_CAPACITY, VM_FAILED);
}

static void who_refused_before_a_restart_is_not_asked_again_after_it(void **state) {
    (void)state;
    struct message instruct;
    cluster_reopen((const uint64_t[]){2, 1}, 2, (struct amounts){0});
    bench_cut(&bench, bench_agent(&bench, 0)); /* both are on that link */
    bench_hello(&bench, bench_agent(&bench, 0), 2);
    bench_say(&bench, cloud, bench_define("1", "1", 1, &bench_shapes[0]));
    cluster_image(CODE_OK);
    assert_ptr_equal(cluster_instructed(&instruct), bench_agent(&bench, 0));
    cluster_answer(CODE_NO_CAPACITY, VM_FAILED);
    assert_null(bench_told(&bench, cloud, MESSAGE_RESULT)); /* the other one may come back */
    bench_restart(&bench);
    cluster_image(CODE_OK);
    bench_welcome(&bench, cloud);
    bench_hello(&bench, bench_agent(&bench, 0), 2);
    assert_null(cluster_instructed(&instruct));
    bench_hello(&bench, bench_agent(&bench, 1), 1);
    for (size_t i = 0; i < 100 && !cluster_instructed(&instruct); i++)
        bench_pass(&bench, 100);
    assert_ptr_equal(cluster_instructed(&instruct), bench_agent(&bench, 1));
}

static struct message define_in_group(const char *number, int group, enum group_rule rule) {
    struct message define = bench_define(number, number, 1, &bench_shapes[0]);
    text_format(define.instruct.definition.group, limit_id_size, "gr-%026d", group);
    define.instruct.definition.apart = rule == GROUP_APART;
    return define;
}

static struct far *host_for(struct far *manager, struct message define) {
    struct message instruct;
    bench_say(&bench, manager, define);
    cluster_image(CODE_OK);
    struct far *host = cluster_instructed(&instruct);
    if (host)
        cluster_answer(CODE_OK, VM_RUNNING);
    return host;
}

static void vms_of_a_group_are_kept_apart_over_hosts(void **state) {
    (void)state;
    struct message instruct;
    cluster_reopen((const uint64_t[]){9, 2, 1}, 3, (struct amounts){0});
    for (size_t i = 0; i < 2; i++) {
        char number[8];
        text_format(number, sizeof(number), "%zu", i + 1);
        assert_ptr_equal(host_for(cloud, define_in_group(number, 7, GROUP_APART)),
                         bench_agent(&bench, i));
    }
    assert_ptr_equal(host_for(cloud, define_in_group("4", 8, GROUP_APART)),
                     bench_agent(&bench, 0)); /* another group */
    assert_ptr_equal(host_for(other, define_in_group("5", 7, GROUP_APART)),
                     bench_agent(&bench, 0)); /* another upstream's */
    assert_ptr_equal(host_for(cloud, define_in_group("6", 7, GROUP_ANYHOW)),
                     bench_agent(&bench, 0)); /* it minds nobody */
    bench_restart(&bench);
    bench_welcome(&bench, cloud);
    for (size_t i = 0; i < 3; i++)
        bench_hello(&bench, bench_agent(&bench, i), i ? 2 : 9);
    assert_ptr_equal(host_for(cloud, define_in_group("7", 7, GROUP_APART)),
                     bench_agent(&bench, 2));
    assert_null(host_for(cloud, define_in_group("8", 7, GROUP_APART)));
    bench_pass(&bench, 60000);
    assert_null(cluster_instructed(&instruct));
}

static void a_host_that_failed_is_not_followed_by_another(void **state) {
    (void)state;
    struct message instruct;
    bench_say(&bench, cloud, bench_define("1", "1", 1, &bench_shapes[0]));
    cluster_image(CODE_OK);
    cluster_answer(CODE_HOST_FAILED, VM_FAILED);
    assert_null(cluster_instructed(&instruct));
    cluster_assert_result(cloud, CODE_HOST_FAILED, VM_FAILED);
}

static const struct operation *only_op(void) {
    const struct book *book = role_book(bench.role);
    assert_int_equal(book->ops_count, 1);
    return &container_of(book->ops.next, struct book_op, by_age)->record;
}

static void a_host_that_is_back_within_the_hold_down_gets_what_waited_for_it(void **state) {
    (void)state;
    bench_cut(&bench, bench_agent(&bench, 0)); /* all hosts are on that link */
    bench_say(&bench, cloud, bench_define("1", "1", 1, &bench_shapes[0]));
    cluster_image(CODE_OK);
    bench_pass(&bench, 10000);
    assert_int_equal(only_op()->state, OP_PENDING);
    bench_hello(&bench, bench_agent(&bench, 2), 1);
    bench_pass(&bench, 15000);
    const struct book *book = role_book(bench.role);
    assert_string_equal(container_of(book->vms.next, struct book_vm, by_age)->record.place,
                        "agent-2");
}

static void without_a_host_a_definition_ends_after_the_hold_down(void **state) {
    (void)state;
    bench_cut(&bench, bench_agent(&bench, 0));
    bench_say(&bench, cloud, bench_define("1", "1", 1, &bench_shapes[0]));
    cluster_image(CODE_OK);
    bench_pass(&bench, 25000);
    assert_int_equal(only_op()->state, OP_PENDING); /* they may be back */
    bench_pass(&bench, 40000);
    assert_int_equal(only_op()->code, CODE_NO_CAPACITY);
}

static void a_host_that_never_tells_what_it_has_is_not_waited_for_without_end(void **state) {
    (void)state;
    struct far *host = bench_agent(&bench, 0);
    bench_restart(&bench);
    bench_welcome(&bench, cloud);
    struct message hello = {.kind = MESSAGE_HELLO, .hello = {1, 1, "", 0}};
    host->number++;
    host->sent = 0;
    bench_say(&bench, host, hello);
    bench_say(&bench, cloud, bench_define("1", "1", 1, &bench_shapes[0]));
    cluster_image(CODE_OK);
    for (size_t i = 0; i < 14; i++) {
        if (i == 4)
            assert_int_equal(only_op()->state, OP_PENDING);
        bench_pass(&bench, 5000);
        bench_say(&bench, host, (struct message){.kind = MESSAGE_BEAT});
    }
    assert_int_equal(only_op()->code, CODE_NO_CAPACITY);
}

static void one_upstream_reaches_nothing_of_another(void **state) {
    (void)state;
    struct message instruct;
    cluster_run_vm(cloud, "1", "1");
    for (enum verb verb = VERB_DEFINE; verb < VERB_COUNT; verb++) {
        struct message message = bench_define("2", "1", 2, &bench_shapes[0]);
        message.instruct.verb = verb;
        bench_say(&bench, other, message);
        cluster_assert_result(other, CODE_CONFLICT, verb_makes(verb) ? VM_FAILED : VM_DELETED);
        assert_null(cluster_instructed(&instruct));
    }
    struct message settled = {.kind = MESSAGE_SETTLED};
    text_set(settled.settled.op, bench_instruct("1", "1", 1, VERB_DEFINE).instruct.op);
    bench_say(&bench, other, settled);
    assert_int_equal(role_book(bench.role)->ops_count, 1);
    bench_say(&bench, other, (struct message){.kind = MESSAGE_SYNC});
    assert_int_equal(bench_told(&bench, other, MESSAGE_TABLE)->table.vms_count, 0);
    bench_say(&bench, cloud, (struct message){.kind = MESSAGE_SYNC});
    const struct vm_table *table = &bench_told(&bench, cloud, MESSAGE_TABLE)->table;
    assert_int_equal(table->vms_count, 1);
    assert_true(table->first && table->last);
}

static void a_result_is_said_until_it_is_settled(void **state) {
    (void)state;
    cluster_run_vm(cloud, "1", "1");
    bench_pass(&bench, 13000);
    cluster_assert_result(cloud, CODE_OK, VM_RUNNING);
    bench_restart(&bench);
    bench_welcome(&bench, cloud);
    cluster_assert_result(cloud, CODE_OK, VM_RUNNING);
    struct message settled = {.kind = MESSAGE_SETTLED};
    text_set(settled.settled.op, bench_instruct("1", "1", 1, VERB_DEFINE).instruct.op);
    bench_say(&bench, cloud, settled);
    assert_int_equal(role_book(bench.role)->ops_count, 0);
    bench_say(&bench, cloud, bench_define("1", "1", 1, &bench_shapes[0])); /* a late repeat */
    cluster_assert_result(cloud, CODE_OK, VM_RUNNING);
}

static void after_a_restart_a_definition_without_a_host_asks_for_its_image_again(void **state) {
    (void)state;
    struct message instruct;
    bench_say(&bench, cloud, bench_define("1", "1", 1, &bench_shapes[0]));
    bench_restart(&bench);
    assert_int_equal(bench_count(&bench, EFFECT_IMAGE), 1);
    struct effect_image asked = bench_last(&bench, EFFECT_IMAGE)->image;
    bench_welcome(&bench, cloud);
    bench_hello(&bench, bench_agent(&bench, 1), 2);
    struct event event = {.kind = EVENT_IMAGE, .image.code = CODE_OK};
    text_set(event.image.digest, asked.digest);
    event.image.link = asked.link;
    bench_step(&bench, event);
    assert_ptr_equal(cluster_instructed(&instruct), bench_agent(&bench, 1));
}

static void after_a_restart_a_definition_is_placed_although_the_uplink_is_not_back(void **state) {
    (void)state;
    struct message instruct;
    bench_say(&bench, cloud, bench_define("1", "1", 1, &bench_shapes[0]));
    bench_restart(&bench);
    struct effect_image asked = bench_last(&bench, EFFECT_IMAGE)->image;
    bench_hello(&bench, bench_agent(&bench, 1), 2);
    struct event event = {.kind = EVENT_IMAGE, .image.code = CODE_OK};
    text_set(event.image.digest, asked.digest);
    event.image.link = asked.link;
    bench_step(&bench, event);
    assert_ptr_equal(cluster_instructed(&instruct), bench_agent(&bench, 1));
}

static void an_image_is_there_for_the_manager_above_that_has_delivered_it_alone(void **state) {
    (void)state;
    struct message instruct;
    bench_say(&bench, other, bench_define("1", "1", 1, &bench_shapes[0]));
    bench_say(&bench, cloud, bench_define("2", "2", 1, &bench_shapes[0]));
    cluster_image(CODE_OK); /* from the cloud's repository */
    assert_non_null(cluster_instructed(&instruct));
    assert_string_equal(instruct.instruct.vm, bench_instruct("2", "2", 1, VERB_STOP).instruct.vm);
    assert_int_equal(role_book(bench.role)->ops_count, 2);
    struct event event = {.kind = EVENT_IMAGE,
                          .image = {.link = other->setting.link, .code = CODE_IMAGE_UNAVAILABLE}};
    text_set(event.image.digest, instruct.instruct.definition.image);
    effects_clear(&bench.effects);
    bench_step(&bench, event);
    cluster_assert_result(other, CODE_IMAGE_UNAVAILABLE, VM_FAILED);
    assert_null(bench_told(&bench, cloud, MESSAGE_RESULT));
}

static void a_deletion_overtakes_a_definition_that_waits_for_its_image(void **state) {
    (void)state;
    struct message instruct;
    bench_say(&bench, cloud, bench_define("1", "1", 1, &bench_shapes[0]));
    struct effect_image asked = bench_last(&bench, EFFECT_IMAGE)->image;
    bench_say(&bench, cloud, bench_instruct("2", "1", 2, VERB_DELETE));
    cluster_assert_result(cloud, CODE_OK, VM_DELETED);
    struct event event = {.kind = EVENT_IMAGE, .image.code = CODE_OK};
    text_set(event.image.digest, asked.digest);
    event.image.link = asked.link;
    bench_step(&bench, event);
    assert_null(cluster_instructed(&instruct));
}

static void a_vm_that_a_host_no_longer_has_is_lost_and_told_so(void **state) {
    (void)state;
    cluster_run_vm(cloud, "1", "1");
    struct message table = {.kind = MESSAGE_TABLE, .table = {.first = true, .last = true}};
    bench_say(&bench, bench_agent(&bench, 0), table);
    assert_int_equal(bench_told(&bench, cloud, MESSAGE_VM)->vm.state, VM_LOST);
}

/* All that goes up in a small life, as bytes; sessions' numbers apart. */
static void live(struct text *out) {
    static const enum code codes[] = {CODE_OK, CODE_HOST_FAILED, CODE_OK, CODE_OK};
    for (size_t i = 0; i < array_size(codes); i++) {
        char number[4];
        text_format(number, sizeof(number), "%zu", i + 1);
        bench_say(&bench, cloud, bench_define(number, number, 1, &bench_shapes[i % 2]));
        cluster_image(CODE_OK);
        cluster_answer(codes[i], codes[i] ? VM_FAILED : VM_RUNNING);
        for (size_t k = 0; k < bench.effects.count; k++)
            if (bench.effects.items[k].kind == EFFECT_SEND &&
                text_equal(bench.effects.items[k].send.address, cloud->setting.address))
                message_encode(&bench.effects.items[k].send.message, FRAME_JSON, out);
    }
}

static void clusters_of_the_same_aggregate_send_the_same_bytes(void **state) {
    (void)state;
    struct text of_one = {0}, of_three = {0};
    live(&of_three);
    cluster_reopen((const uint64_t[]){6}, 1, (struct amounts){0});
    live(&of_one);
    assert_true(of_one.length > 500);
    assert_string_equal(text_data(&of_one), text_data(&of_three));
    text_deinit(&of_one);
    text_deinit(&of_three);
}

#define with_cluster(test) cmocka_unit_test_setup_teardown(test, set_up, cluster_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_cluster(the_cluster_shows_the_sum_of_its_hosts),
        with_cluster(a_host_that_goes_takes_its_share_of_the_sum_with_it),
        with_cluster(a_sum_that_refusals_left_no_room_for_is_shown_after_them),
        with_cluster(what_is_shown_stays_within_what_the_owner_lends),
        with_cluster(what_is_asked_beyond_a_limit_is_refused_and_fetches_nothing),
        with_cluster(a_manager_on_a_full_disk_shows_no_room_and_lets_vms_end),
        with_cluster(the_last_vm_that_a_limit_permits_is_permitted),
        with_cluster(a_failed_definition_that_grows_is_held_against_the_limit_by_its_new_size),
        with_cluster(a_vm_that_is_gone_gives_its_share_back),
        with_cluster(a_definition_goes_to_the_roomiest_host_in_this_levels_own_numbers),
        with_cluster(an_image_that_cannot_be_had_ends_the_definition),
        with_cluster(a_host_that_refuses_is_followed_by_each_other_and_then_by_the_truth),
        with_cluster(who_refused_before_a_restart_is_not_asked_again_after_it),
        with_cluster(vms_of_a_group_are_kept_apart_over_hosts),
        with_cluster(a_host_that_failed_is_not_followed_by_another),
        with_cluster(a_host_that_is_back_within_the_hold_down_gets_what_waited_for_it),
        with_cluster(without_a_host_a_definition_ends_after_the_hold_down),
        with_cluster(a_host_that_never_tells_what_it_has_is_not_waited_for_without_end),
        with_cluster(one_upstream_reaches_nothing_of_another),
        with_cluster(a_result_is_said_until_it_is_settled),
        with_cluster(after_a_restart_a_definition_without_a_host_asks_for_its_image_again),
        with_cluster(after_a_restart_a_definition_is_placed_although_the_uplink_is_not_back),
        with_cluster(an_image_is_there_for_the_manager_above_that_has_delivered_it_alone),
        with_cluster(a_deletion_overtakes_a_definition_that_waits_for_its_image),
        with_cluster(a_vm_that_a_host_no_longer_has_is_lost_and_told_so),
        with_cluster(clusters_of_the_same_aggregate_send_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
