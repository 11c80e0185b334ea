/* What others claim is believed as far as it can be true, and what of theirs cannot be read takes
 * nothing else along: a host's words to its downstream manager, and what of them goes up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cluster.h"

static int set_up(void **state) {
    (void)state;
    cluster_open((const uint64_t[]){3, 2, 1}, 3, (struct amounts){0});
    return 0;
}

/* The host says that it has so much of everything, and that so many VMs of each shape fit. */
static void claim(size_t host, uint64_t of_each) {
    struct message message = {.kind = MESSAGE_CAPACITY};
    message.capacity = (struct capacity){of_each, of_each, of_each, of_each, of_each, of_each,
                                         memory_new(2, sizeof(struct fit)), 2};
    for (size_t i = 0; i < 2; i++) {
        const struct size *size = &bench_shapes[i].size;
        message.capacity.fits[i].count = of_each;
        text_format(message.capacity.fits[i].shape, limit_name_size, "c%u-m%u-d%u", size->cpus,
                    size->memory_mib, size->disk_gib);
    }
    bench_say(&bench, bench_agent(&bench, host), message);
}

static const struct owned_host *host(const char *name) {
    struct request request = {.kind = REQUEST_HOST_SHOW};
    text_set(request.key, name);
    const struct reply *reply = bench_ask(&bench, &request);
    assert_non_null(reply);
    assert_ptr_equal(reply->record.table, &host_table);
    return reply->record.data;
}

static size_t notes(void) {
    size_t count = 0;
    for (size_t i = 0; i < bench.effects.count; i++)
        count += bench.effects.items[i].kind == EFFECT_NOTE;
    return count;
}

static void hosts_that_claim_everything_make_no_sum_that_cannot_be_told(void **state) {
    (void)state;
    for (size_t i = 0; i < 3; i++)
        claim(i, INT64_MAX);
    assert_int_equal(notes(), 1);
    bench_pass(&bench, 200); /* the workbench checks what is sent as a decoder does */
    const struct capacity *shown = cluster_shown(cloud);
    assert_true(shown->cpus_total == limit_place && shown->cpus_free == limit_place);
    assert_true(shown->fits[0].count <= limit_place && shown->fits[1].count <= limit_place);
    assert_true(host("agent-0")->overclaims);
    assert_true(host("agent-0")->capacity.memory_mib_total == limit_place);
    claim(0, 0);
    claim(1, 0);
    claim(2, 7);
    assert_false(host("agent-0")->overclaims);
    bench_pass(&bench, 200);
    assert_int_equal(cluster_shown(cloud)->cpus_total, 7);
    assert_int_equal(cluster_shown(cloud)->cpus_free, 7);
}

static void of_a_host_no_more_is_believed_than_its_owner_says(void **state) {
    (void)state;
    bench_deinit(&bench);
    const struct role_settings settings = {
        .kind = ROLE_DOWNSTREAM, .seed = 3, .beat_ms = 10000, .hold_down_ms = 30000,
        .agents_count = 2, .managers_count = 1,
        .most = {.cpus = 8, .memory_mib = 8192, .disk_gib = 1000}};
    bench_init(&bench, &settings);
    cloud = bench_manager(&bench, 0);
    bench_welcome(&bench, cloud);
    bench_hello(&bench, bench_agent(&bench, 0), 2);
    bench_hello(&bench, bench_agent(&bench, 1), 1);
    claim(0, 1000000);
    const struct owned_host *shown = host("agent-0");
    assert_true(shown->overclaims);
    assert_int_equal(shown->capacity.cpus_total, 8);
    assert_int_equal(shown->capacity.cpus_free, 8);
    assert_int_equal(shown->capacity.fits[0].count, 8); /* by its CPUs */
    assert_int_equal(shown->capacity.fits[1].count, 2);
    assert_false(host("agent-1")->overclaims);
}

/* How often one claims too much is its own matter: the log is the owner's. */
static void a_flood_of_claims_fills_no_log(void **state) {
    (void)state;
    size_t noted = 0;
    for (size_t i = 0; i < 1000; i++) {
        claim(0, INT64_MAX - i);
        noted += notes();
    }
    assert_in_range(noted, 1, 10);
}

static struct message unreadable(void) {
    struct message message = {.kind = MESSAGE_UNREADABLE};
    text_set(message.unreadable.field, "capacity.cpus_free");
    text_set(message.unreadable.text, "must be a whole number");
    return message;
}

static void a_flood_of_unknown_vms_fills_no_log(void **state) {
    (void)state;
    size_t noted = 0;
    for (uint32_t round = 0; round < 100; round++) {
        struct message table = {.kind = MESSAGE_TABLE, .table = {.first = true}};
        table.table.vms = memory_new(limit_table_chunk, sizeof(struct vm_report));
        table.table.vms_count = limit_table_chunk;
        for (uint32_t i = 0; i < limit_table_chunk; i++) {
            struct vm_report *vm = &table.table.vms[i];
            *vm = (struct vm_report){.epoch = 1, .generation = 1, .state = VM_RUNNING};
            text_format(vm->vm, sizeof(vm->vm), "vm-%026u", round * limit_table_chunk + i);
        }
        bench_say(&bench, bench_agent(&bench, 0), table);
        noted += notes();
    }
    assert_in_range(noted, 64, 80);
}

static void a_flood_of_hellos_in_another_version_fills_no_log(void **state) {
    (void)state;
    size_t noted = 0;
    for (uint64_t i = 0; i < 100; i++) {
        struct message hello = {.kind = MESSAGE_HELLO,
                                .hello = {.version = 99, .version_oldest = 99}};
        struct far *agent = bench_agent(&bench, 0);
        agent->number += 100;
        agent->sent = agent->peer_number = agent->received = agent->told = 0;
        bench_say(&bench, agent, hello);
        noted += notes();
    }
    assert_in_range(noted, 1, 8);
}

static void beside_what_cannot_be_read_the_rest_of_a_frame_is_applied(void **state) {
    (void)state;
    struct message instruct;
    bench_say(&bench, cloud, bench_define("1", "1", 1, &bench_shapes[0]));
    cluster_image(CODE_OK);
    struct far *at = cluster_instructed(&instruct);
    struct message said[] = {unreadable(), bench_result(&instruct, CODE_OK, VM_RUNNING),
                             unreadable()};
    bench_say_all(&bench, at, said, array_size(said));
    cluster_assert_result(cloud, CODE_OK, VM_RUNNING);
    assert_int_equal(notes(), 2);
    assert_int_equal(host("agent-0")->unreadable, 2);
    claim(0, 7); /* the numbers of its session go on */
    assert_int_equal(host("agent-0")->capacity.cpus_total, 7);
}

static void a_vm_in_a_piece_of_the_table_that_cannot_be_read_is_not_lost(void **state) {
    (void)state;
    const struct message whole = {.kind = MESSAGE_TABLE, .table = {.first = true, .last = true}};
    const struct message last = {.kind = MESSAGE_TABLE, .table = {.last = true}};
    const struct message first = {.kind = MESSAGE_TABLE, .table = {.first = true}};
    cluster_run_vm(cloud, "1", "1");
    struct message torn[] = {first, unreadable(), last, unreadable(), last};
    bench_say_all(&bench, bench_agent(&bench, 0), torn, array_size(torn));
    assert_null(bench_told(&bench, cloud, MESSAGE_VM));
    bench_say(&bench, bench_agent(&bench, 0), whole);
    assert_int_equal(bench_told(&bench, cloud, MESSAGE_VM)->vm.state, VM_LOST);
}

static void an_instruction_that_cannot_be_read_holds_up_none_behind_it(void **state) {
    (void)state;
    struct message said[] = {unreadable(), bench_define("1", "1", 1, &bench_shapes[0])};
    struct request request = {.kind = REQUEST_UPSTREAM_SHOW};
    text_set(request.key, "manager-0");
    bench_say_all(&bench, cloud, said, array_size(said));
    assert_int_equal(notes(), 1);
    cluster_image(CODE_OK);
    cluster_answer(CODE_OK, VM_RUNNING);
    cluster_assert_result(cloud, CODE_OK, VM_RUNNING);
    const struct owned_lending *shown = bench_ask(&bench, &request)->record.data;
    assert_int_equal(shown->unreadable, 1);
}

/* It has said nothing yet that counts: its next welcome is message 1 of a session again. */
static void a_welcome_that_cannot_be_read_leaves_the_session_to_be_opened(void **state) {
    (void)state;
    bench_cut(&bench, cloud);
    bench_step(&bench, (struct event){.kind = EVENT_LINK,
                                      .presence = {cloud->setting.link, NULL, PRESENCE_UP}});
    cloud->number = 4711;
    cloud->sent = 0;
    bench_say(&bench, cloud, unreadable());
    assert_int_equal(notes(), 1);
    cloud->number = 4712;
    cloud->sent = 0;
    struct message welcome = {.kind = MESSAGE_WELCOME, .welcome = {1, 15000, {0}, NULL, 0}};
    bench_say(&bench, cloud, welcome);
    bench_say(&bench, cloud, bench_define("1", "1", 1, &bench_shapes[0]));
    cluster_image(CODE_OK);
}

/* The manager says welcome again, with so many shapes of so much memory and more. */
static void bring_shapes(struct far *manager, uint32_t count, uint32_t memory_mib) {
    struct message welcome = {.kind = MESSAGE_WELCOME, .welcome = {.version = 1, .beat_ms = 15000}};
    welcome.welcome.shapes = memory_new(count, sizeof(struct shape));
    welcome.welcome.shapes_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct shape *shape = &welcome.welcome.shapes[i];
        shape->size = (struct size){1, memory_mib + i, 1};
        text_format(shape->name, sizeof(shape->name), "m%u", memory_mib + i);
    }
    bench_say(&bench, manager, welcome);
}

/* Of those that the manager brought, how many the hosts count. */
static size_t counted(struct far *manager) {
    size_t count = 0;
    claim(0, 1000000); /* of what they had before: all is told anew */
    for (size_t i = 0; i < 3; i++)
        bench_hello(&bench, bench_agent(&bench, i), 2 + (bench.now_ms / 1000) % 7);
    bench_pass(&bench, 1000);
    const struct capacity *shown = cluster_shown(manager);
    for (uint32_t i = 0; i < shown->fits_count; i++)
        count += shown->fits[i].count > 0;
    return count;
}

static void who_fills_the_catalogue_of_shapes_leaves_each_other_its_share(void **state) {
    (void)state;
    bring_shapes(cloud, limit_shapes, 1000);
    assert_int_equal(counted(cloud), limit_shapes - 2); /* two are the other's */
    bring_shapes(other, 10, 2000);
    assert_int_equal(notes(), 0);
    assert_int_equal(counted(other), 10);
    assert_int_equal(counted(cloud), limit_shapes - 10);
    bring_shapes(other, limit_shapes, 2000);
    assert_int_equal(notes(), 1);
    assert_int_equal(counted(other), limit_shapes / 2);
    bring_shapes(cloud, 3, 1000);
    bring_shapes(other, limit_shapes, 2000); /* what nobody names any more makes room */
    assert_int_equal(counted(other), limit_shapes - 3);
    assert_int_equal(counted(cloud), 3);
}

/* A VM's size is counted as long as it is there: it may have to go to another host. */
static void the_size_of_a_vm_that_is_there_stays_counted(void **state) {
    (void)state;
    cluster_run_vm(cloud, "1", "1");
    bring_shapes(cloud, 1, 1000);
    bring_shapes(other, limit_shapes, 2000);
    assert_int_equal(counted(other), limit_shapes - 2);
}

/* Also one whose VMs are never settled, which use nothing of what it is lent. */
static void who_has_most_vms_leaves_each_other_a_part_of_the_table(void **state) {
    (void)state;
    bench_deinit(&bench);
    const struct role_settings settings = {
        .kind = ROLE_DOWNSTREAM, .seed = 3, .beat_ms = 10000, .hold_down_ms = 30000,
        .agents_count = 1, .managers_count = 2, .vms_most = 20};
    bench_init(&bench, &settings);
    cloud = bench_manager(&bench, 0);
    other = bench_manager(&bench, 1);
    bench_welcome(&bench, cloud);
    bench_welcome(&bench, other);
    for (unsigned i = 0; i < 18; i++) {
        char number[8];
        text_format(number, sizeof(number), "%u", i + 1);
        bench_say(&bench, cloud, bench_define(number, number, 1, &bench_shapes[0]));
        if (i % 2)
            cluster_image(CODE_IMAGE_UNAVAILABLE);
    }
    bench_say(&bench, cloud, bench_define("19", "19", 1, &bench_shapes[0]));
    cluster_assert_result(cloud, CODE_FULL, VM_FAILED);
    bench_say(&bench, other, bench_define("20", "20", 1, &bench_shapes[0]));
    assert_int_equal(bench_count(&bench, EFFECT_IMAGE), 1);
    bench_say(&bench, other, bench_define("21", "21", 1, &bench_shapes[0]));
    cluster_assert_result(other, CODE_FULL, VM_FAILED);
}

#define with_cluster(test) cmocka_unit_test_setup_teardown(test, set_up, cluster_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_cluster(hosts_that_claim_everything_make_no_sum_that_cannot_be_told),
        with_cluster(of_a_host_no_more_is_believed_than_its_owner_says),
        with_cluster(a_flood_of_claims_fills_no_log),
        with_cluster(a_flood_of_unknown_vms_fills_no_log),
        with_cluster(a_flood_of_hellos_in_another_version_fills_no_log),
        with_cluster(beside_what_cannot_be_read_the_rest_of_a_frame_is_applied),
        with_cluster(a_vm_in_a_piece_of_the_table_that_cannot_be_read_is_not_lost),
        with_cluster(an_instruction_that_cannot_be_read_holds_up_none_behind_it),
        with_cluster(who_fills_the_catalogue_of_shapes_leaves_each_other_its_share),
        with_cluster(the_size_of_a_vm_that_is_there_stays_counted),
        with_cluster(who_has_most_vms_leaves_each_other_a_part_of_the_table),
        with_cluster(a_welcome_that_cannot_be_read_leaves_the_session_to_be_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
