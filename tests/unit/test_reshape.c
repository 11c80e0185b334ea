/* Resize, rebuild, snapshots and revert, on each level: what is held while they are under way, what
 * is believed at their end, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cloud.h"
#include "core/agent/vm.h"
#include "core/books/reshape.h"
#include "core/role.h"
#include "host.h"

/* small {1, 512, 5}, large {4, 4096, 50}; this one is between them, with the small one's disk. */
static const struct size small = {1, 512, 5}, large = {4, 4096, 50}, mixed = {2, 256, 5};

static void assert_size(const struct size *has, const struct size *wanted) {
    assert_int_equal(has->cpus, wanted->cpus);
    assert_int_equal(has->memory_mib, wanted->memory_mib);
    assert_int_equal(has->disk_gib, wanted->disk_gib);
}

/* --- the agent --- */

static int set_up_agent(void **state) {
    (void)state;
    host_open(NULL);
    return 0;
}

static const struct vm *vm_here(const char *vm) {
    const struct message name = bench_instruct("1", vm, 1, VERB_START);
    const struct book_vm *found = book_vm(role_book(bench.role), name.instruct.vm);
    assert_non_null(found);
    return &found->record;
}

static uint64_t vm_at_work(void) {
    const struct message name = bench_instruct("1", "1", 1, VERB_START);
    return agent_vm(book_vm(role_book(bench.role), name.instruct.vm))->job;
}

/* A small VM that is off. */
static void make_vm(const char *op, const char *vm) {
    struct message define = bench_define(op, vm, 1, &bench_shapes[0]);
    define.instruct.definition.start = false;
    bench_say(&bench, manager, define);
    host_end((struct event_job){0});
    host_end((struct event_job){0});
    (void)host_assert_result(CODE_OK, VM_STOPPED);
}

static struct message resize_to(const char *op, uint64_t generation, struct size size) {
    struct message message = bench_define(op, "1", generation, &bench_shapes[1]);
    message.instruct.verb = VERB_RESIZE;
    message.instruct.definition.size = size;
    return message;
}

static struct message of_snapshot(const char *op, uint64_t generation, enum verb verb,
                                  const char *name) {
    struct message message = bench_instruct(op, "1", generation, verb);
    text_set(message.instruct.snapshot, name);
    return message;
}

static void the_larger_of_both_sizes_counts_until_the_host_has_done_it(void **state) {
    (void)state;
    static const struct size both = {2, 512, 5};
    make_vm("1", "1");
    bench_say(&bench, manager, resize_to("2", 2, mixed));
    host_assert_job(JOB_RESIZE);
    assert_size(&vm_here("1")->size, &both);
    bench_say(&bench, manager, (struct message){.kind = MESSAGE_SYNC});
    const struct message *table = bench_told(&bench, manager, MESSAGE_TABLE);
    assert_size(&table->table.vms[0].facts.size, &both);
    struct event_job end = {.job = vm_at_work()};
    effects_clear(&bench.effects);
    bench_step(&bench, (struct event){.kind = EVENT_JOB, .job = end});
    assert_size(&host_assert_result(CODE_OK, VM_STOPPED)->facts.size, &mixed);
    assert_size(&vm_here("1")->size, &mixed);
    assert_string_equal(vm_here("1")->shape, bench_shapes[1].name);
}

static void what_a_tenant_wants_of_the_machine_reaches_the_host(void **state) {
    (void)state;
    make_vm("1", "1");
    struct message resize = resize_to("2", 2, mixed);
    resize.instruct.definition.upgrade = true;
    bench_say(&bench, manager, resize);
    assert_true(bench_last(&bench, EFFECT_JOB)->job.definition.upgrade);
    host_end((struct event_job){0});
    bench_say(&bench, manager, resize_to("3", 3, mixed));
    assert_false(bench_last(&bench, EFFECT_JOB)->job.definition.upgrade);
}

static void a_resize_that_fails_half_way_leaves_what_the_host_says(void **state) {
    (void)state;
    static const struct size half = {1, 512, 50};
    make_vm("1", "1");
    bench_say(&bench, manager, resize_to("2", 2, large));
    host_end((struct event_job){.code = CODE_HOST_FAILED, .size = half});
    assert_size(&host_assert_result(CODE_HOST_FAILED, VM_STOPPED)->facts.size, &half);
    assert_size(&vm_here("1")->size, &half);
    assert_string_equal(vm_here("1")->shape, bench_shapes[0].name);
    bench_say(&bench, manager, resize_to("3", 3, large));
    host_end((struct event_job){.code = CODE_HOST_FAILED}); /* and nobody can say */
    assert_size(&host_assert_result(CODE_HOST_FAILED, VM_STOPPED)->facts.size, &large);
}

static void a_verb_that_fails_leaves_the_vm_as_it_was_or_says_what_it_has(void **state) {
    (void)state;
    static const struct size told = {1, 512, 0}, had = {2, 256, 5}, less = {1, 256, 5};
    make_vm("1", "1");
    bench_say(&bench, manager, resize_to("2", 2, large)); /* where there are no disks */
    host_end((struct event_job){.code = CODE_BAD_STATE, .size = told});
    assert_size(&host_assert_result(CODE_BAD_STATE, VM_STOPPED)->facts.size, &small);
    assert_size(&vm_here("1")->size, &small);
    bench_say(&bench, manager, of_snapshot("3", 3, VERB_SNAPSHOT, "off"));
    host_end((struct event_job){0});
    bench_say(&bench, manager, resize_to("4", 4, mixed));
    host_end((struct event_job){0});
    bench_say(&bench, manager, of_snapshot("5", 5, VERB_REVERT, "off"));
    host_end((struct event_job){.code = CODE_HOST_FAILED}); /* before anything was done */
    assert_size(&host_assert_result(CODE_HOST_FAILED, VM_STOPPED)->facts.size, &had);
    bench_say(&bench, manager, of_snapshot("6", 6, VERB_REVERT, "off"));
    host_end((struct event_job){.code = CODE_HOST_FAILED, .size = less});
    assert_size(&host_assert_result(CODE_HOST_FAILED, VM_STOPPED)->facts.size, &less);
}

static void a_hard_reboot_asks_nobody_and_is_done_with_its_job(void **state) {
    (void)state;
    host_run_vm();
    struct message reboot = bench_instruct("2", "1", 2, VERB_REBOOT);
    reboot.instruct.hard = true;
    bench_say(&bench, manager, reboot);
    assert_true(host_job()->hard);
    host_end_job(CODE_OK);
    (void)host_assert_result(CODE_OK, VM_RUNNING);
}

static void a_host_never_says_more_than_was_set_aside(void **state) {
    (void)state;
    static const struct size monster = {1000, 1000000, 1000};
    make_vm("1", "1");
    bench_say(&bench, manager, resize_to("2", 2, mixed));
    host_end((struct event_job){.code = CODE_HOST_FAILED, .size = monster});
    static const struct size both = {2, 512, 5};
    assert_size(&vm_here("1")->size, &both);
}

static void what_a_host_cannot_give_is_refused_and_changes_nothing(void **state) {
    (void)state;
    struct size smaller = {1, 512, 4};
    make_vm("1", "1");
    make_vm("2", "2");
    bench_say(&bench, manager, resize_to("3", 2, large));
    (void)host_assert_result(CODE_NO_CAPACITY, VM_STOPPED);
    bench_say(&bench, manager, resize_to("4", 3, smaller));
    (void)host_assert_result(CODE_INVALID, VM_STOPPED);
    bench_say(&bench, manager, bench_instruct("5", "1", 4, VERB_RESIZE));
    (void)host_assert_result(CODE_INVALID, VM_STOPPED);
    assert_size(&vm_here("1")->size, &small);
    assert_null(bench_last(&bench, EFFECT_JOB));
}

static void a_resize_that_a_crash_interrupted_is_done_and_held_meanwhile(void **state) {
    (void)state;
    make_vm("1", "1");
    bench_say(&bench, manager, resize_to("2", 2, large));
    bench_restart(&bench);
    assert_size(&vm_here("1")->size, &large);
    host_tell(NULL);
    host_domain_is("1", 1, VM_STOPPED, DOMAIN_FOUND);
    bench_step(&bench, (struct event){.kind = EVENT_SCANNED});
    host_assert_job(JOB_RESIZE);
    host_end((struct event_job){.code = CODE_HOST_FAILED, .size = small});
    assert_size(&vm_here("1")->size, &small);
}

static void snapshots_are_named_once_and_bounded(void **state) {
    (void)state;
    uint64_t generation = 2;
    char name[8], op[8];
    make_vm("1", "1");
    for (int i = 0; i < limit_snapshots; i++) {
        text_format(name, sizeof(name), "s%d", i);
        text_format(op, sizeof(op), "a%d", i);
        bench_say(&bench, manager, of_snapshot(op, generation++, VERB_SNAPSHOT, name));
        host_end((struct event_job){0});
        const struct result *result = host_assert_result(CODE_OK, VM_STOPPED);
        assert_int_equal(result->facts.snapshots_count, i + 1);
        assert_string_equal(result->facts.snapshots[i].name, name);
    }
    bench_say(&bench, manager, of_snapshot("b", generation++, VERB_SNAPSHOT, "s3"));
    (void)host_assert_result(CODE_CONFLICT, VM_STOPPED);
    bench_say(&bench, manager, of_snapshot("c", generation++, VERB_SNAPSHOT, "more"));
    (void)host_assert_result(CODE_FULL, VM_STOPPED);
    bench_say(&bench, manager, of_snapshot("d", generation++, VERB_REVERT, "none"));
    (void)host_assert_result(CODE_NOT_FOUND, VM_STOPPED);
    bench_say(&bench, manager, of_snapshot("e", generation++, VERB_SNAPSHOT_DELETE, "s3"));
    host_end((struct event_job){0});
    assert_int_equal(host_assert_result(CODE_OK, VM_STOPPED)->facts.snapshots_count,
                     limit_snapshots - 1);
    assert_null(reshape_snapshot(vm_here("1"), "s3"));
    bench_restart(&bench);
    assert_int_equal(vm_here("1")->snapshots_count, limit_snapshots - 1);
}

static void a_revert_after_a_resize_keeps_the_size_and_memory_must_fit(void **state) {
    (void)state;
    make_vm("1", "1");
    bench_say(&bench, manager, of_snapshot("2", 2, VERB_SNAPSHOT, "off"));
    host_end((struct event_job){0});
    bench_say(&bench, manager, of_snapshot("3", 3, VERB_SNAPSHOT, "warm"));
    host_end((struct event_job){.memory = true});
    bench_say(&bench, manager, resize_to("4", 4, large));
    (void)host_assert_result(CODE_CONFLICT, VM_STOPPED); /* its disk would grow beside snapshots */
    bench_say(&bench, manager, resize_to("5", 5, mixed));
    host_end((struct event_job){0});
    bench_say(&bench, manager, of_snapshot("6", 6, VERB_REVERT, "warm"));
    (void)host_assert_result(CODE_CONFLICT, VM_STOPPED);
    bench_say(&bench, manager, of_snapshot("7", 7, VERB_REVERT, "off"));
    host_assert_job(JOB_REVERT);
    assert_size(&bench_last(&bench, EFFECT_JOB)->job.definition.size, &mixed);
    host_end((struct event_job){0});
    assert_size(&host_assert_result(CODE_OK, VM_STOPPED)->facts.size, &mixed);
    bench_say(&bench, manager, resize_to("8", 8, small));
    host_end((struct event_job){0});
    bench_say(&bench, manager, of_snapshot("9", 9, VERB_REVERT, "warm"));
    host_end((struct event_job){0});
    (void)host_assert_result(CODE_OK, VM_RUNNING);
}

static void a_snapshot_that_the_host_does_not_have_is_forgotten(void **state) {
    (void)state;
    make_vm("1", "1");
    bench_say(&bench, manager, of_snapshot("2", 2, VERB_SNAPSHOT, "ghost"));
    host_end((struct event_job){0});
    bench_say(&bench, manager, of_snapshot("3", 3, VERB_REVERT, "ghost"));
    host_end((struct event_job){.code = CODE_NOT_FOUND});
    assert_int_equal(host_assert_result(CODE_NOT_FOUND, VM_STOPPED)->facts.snapshots_count, 0);
}

static void a_rebuild_starts_what_ran_and_leaves_no_snapshot(void **state) {
    (void)state;
    struct message rebuild = bench_define("4", "1", 4, &bench_shapes[1]);
    rebuild.instruct.verb = VERB_REBUILD;
    rebuild.instruct.definition.start = false;
    text_format(rebuild.instruct.definition.image, limit_digest_size, "%064d", 8);
    text_format(rebuild.instruct.definition.name, limit_name_size, "renamed");
    make_vm("1", "1");
    bench_say(&bench, manager, of_snapshot("2", 2, VERB_SNAPSHOT, "old"));
    host_end((struct event_job){0});
    bench_say(&bench, manager, bench_instruct("3", "1", 3, VERB_START));
    host_end((struct event_job){0});
    bench_say(&bench, manager, rebuild);
    host_assert_job(JOB_FETCH);
    host_end((struct event_job){0});
    host_assert_job(JOB_REBUILD);
    assert_size(&bench_last(&bench, EFFECT_JOB)->job.definition.size, &small);
    assert_string_equal(bench_last(&bench, EFFECT_JOB)->job.definition.name, "renamed");
    host_end((struct event_job){0});
    host_assert_starting();
    assert_string_equal(vm_here("1")->name, "renamed");
    host_end((struct event_job){.code = CODE_HOST_FAILED});
    const struct result *result = host_assert_result(CODE_HOST_FAILED, VM_RUNNING);
    assert_int_equal(result->facts.snapshots_count, 0); /* it was made anew all the same */
    assert_string_equal(result->facts.image, vm_here("1")->digest);
    assert_true(vm_here("1")->digest[63] == '8');
}

/* --- the downstream manager --- */

static int set_up_cluster(void **state) {
    (void)state;
    cluster_open((const uint64_t[]){2}, 1, (struct amounts){.cpus = 4});
    return 0;
}

static struct message facts_of(struct message message, struct size size) {
    message.result.facts.size = size;
    return message;
}

static void an_owners_limit_holds_against_what_a_vm_grows_by(void **state) {
    (void)state;
    struct size five = {5, 512, 5};
    cluster_run_vm(cloud, "1", "1");
    bench_say(&bench, cloud, resize_to("2", 2, five));
    cluster_assert_result(cloud, CODE_NO_CAPACITY, VM_RUNNING);
    bench_say(&bench, cloud, resize_to("3", 3, large));
    struct message instruct;
    struct far *host = cluster_instructed(&instruct);
    assert_non_null(host);
    struct message define = bench_define("4", "4", 1, &bench_shapes[0]);
    bench_say(&bench, cloud, define); /* its four are set aside for it */
    cluster_assert_result(cloud, CODE_NO_CAPACITY, VM_FAILED);
    bench_say(&bench, host,
              facts_of(bench_result(&instruct, CODE_HOST_FAILED, VM_RUNNING), small));
    cluster_assert_result(cloud, CODE_HOST_FAILED, VM_RUNNING);
    assert_size(&bench_told(&bench, cloud, MESSAGE_RESULT)->result.facts.size, &small);
    define = bench_define("5", "5", 1, &bench_shapes[0]);
    bench_say(&bench, cloud, define);
    assert_non_null(bench_last(&bench, EFFECT_IMAGE));
}

static void what_nobody_confirmed_is_held_until_the_hosts_table_tells(void **state) {
    (void)state;
    struct message instruct, table = {.kind = MESSAGE_TABLE};
    cluster_run_vm(cloud, "1", "1");
    bench_say(&bench, cloud, resize_to("2", 2, large));
    struct far *host = cluster_instructed(&instruct);
    bench_pass(&bench, 130000);
    assert_size(&vm_here("1")->size, &large);
    table.table = (struct vm_table){.first = true, .last = true, .vms_count = 1,
                                    .vms = memory_new(1, sizeof(struct vm_report))};
    struct vm_report *row = &table.table.vms[0];
    *row = (struct vm_report){.epoch = 1, .generation = 1, .state = VM_RUNNING,
                              .facts.size = small};
    text_set(row->vm, instruct.instruct.vm);
    bench_hello(&bench, host, 2);
    bench_say(&bench, host, table);
    assert_size(&vm_here("1")->size, &small);
    bench_hello(&bench, host, 2);
}

static void a_rebuild_waits_for_its_image_at_the_cluster(void **state) {
    (void)state;
    struct message instruct, rebuild = bench_define("2", "1", 2, &bench_shapes[0]);
    rebuild.instruct.verb = VERB_REBUILD;
    text_format(rebuild.instruct.definition.image, limit_digest_size, "%064d", 8);
    cluster_run_vm(cloud, "1", "1");
    bench_say(&bench, cloud, rebuild);
    assert_null(cluster_instructed(&instruct));
    bench_hello(&bench, bench_agent(&bench, 0), 2); /* a new session brings it no earlier */
    assert_null(cluster_instructed(&instruct));
    bench_restart(&bench);
    bench_welcome(&bench, cloud);
    bench_hello(&bench, bench_agent(&bench, 0), 2);
    assert_null(cluster_instructed(&instruct));
    struct event image = {.kind = EVENT_IMAGE, .image.link = cloud->setting.link};
    text_format(image.image.digest, limit_digest_size, "%064d", 8);
    effects_clear(&bench.effects);
    bench_step(&bench, image);
    assert_non_null(cluster_instructed(&instruct));
    cluster_answer(CODE_OK, VM_RUNNING);
    cluster_assert_result(cloud, CODE_OK, VM_RUNNING);
    rebuild = bench_define("3", "1", 3, &bench_shapes[0]);
    rebuild.instruct.verb = VERB_REBUILD;
    bench_say(&bench, cloud, rebuild);
    cluster_image(CODE_IMAGE_UNAVAILABLE);
    cluster_assert_result(cloud, CODE_IMAGE_UNAVAILABLE, VM_RUNNING);
}

static void an_owner_permits_each_verb_its_shapes_and_its_images(void **state) {
    (void)state;
    struct request request = {.kind = REQUEST_PERMISSIONS_SET, .handle = 7};
    static char verbs[] = "define resize rebuild", shapes[] = "small", images[] = "debian";
    cluster_run_vm(cloud, "1", "1");
    text_set(request.key, cloud->setting.name);
    request.permissions = (struct permissions){verbs, shapes, images};
    assert_int_equal(bench_ask(&bench, &request)->kind, REPLY_RECORD);
    bench_say(&bench, cloud, of_snapshot("2", 2, VERB_SNAPSHOT, "s"));
    cluster_assert_result(cloud, CODE_NOT_ALLOWED, VM_RUNNING);
    bench_say(&bench, cloud, resize_to("3", 2, large));
    cluster_assert_result(cloud, CODE_NOT_ALLOWED, VM_RUNNING);
    struct message rebuild = bench_define("4", "1", 2, &bench_shapes[0]);
    rebuild.instruct.verb = VERB_REBUILD;
    bench_say(&bench, cloud, rebuild);
    cluster_assert_result(cloud, CODE_NOT_ALLOWED, VM_RUNNING);
}

/* --- the upstream manager --- */

static struct cloud above;

static struct request reshape(enum verb verb, const char *shape, const char *image,
                              const char *snapshot) {
    struct request act = cloud_act(&above, cloud_alice, verb, "web");
    text_set(act.reshape.shape, shape);
    text_set(act.reshape.image, image);
    text_set(act.reshape.snapshot, snapshot);
    return act;
}

static void set_quota(struct amounts quota) {
    struct request request = cloud_request(&above, cloud_operator, REQUEST_TENANT_QUOTA);
    text_set(request.key, "alice");
    request.limits = quota;
    assert_int_equal(bench_ask(&above.bench, &request)->kind, REPLY_RECORD);
}

static uint64_t used_cpus(void) {
    struct request request = cloud_request(&above, cloud_alice, REQUEST_TENANT_SHOW);
    text_set(request.key, "alice");
    const struct reply *reply = bench_ask(&above.bench, &request);
    assert_int_equal(reply->kind, REPLY_RECORD);
    return ((const struct account *)reply->record.data)->used.cpus;
}

static void a_quota_holds_the_larger_and_settles_at_the_truth(void **state) {
    (void)state;
    struct message instruct;
    (void)cloud_run_vm(&above, cloud_alice, "web");
    set_quota((struct amounts){.cpus = 3});
    struct request act = reshape(VERB_RESIZE, "large", "", "");
    cloud_assert_refused(&above, &act, CODE_QUOTA_EXCEEDED, "shape");
    set_quota((struct amounts){.cpus = 4});
    (void)cloud_begin(&above, &act);
    struct far *cluster = cloud_instructed(&above, &instruct);
    assert_int_equal(used_cpus(), 4);
    bench_say(&above.bench, cluster, bench_result(&instruct, CODE_NO_CAPACITY, VM_RUNNING));
    assert_int_equal(used_cpus(), 1);
    act = reshape(VERB_RESIZE, "large", "", "");
    (void)cloud_begin(&above, &act);
    cluster = cloud_instructed(&above, &instruct);
    bench_say(&above.bench, cluster, bench_result(&instruct, CODE_OK, VM_RUNNING));
    assert_int_equal(used_cpus(), 4);
    act = reshape(VERB_RESIZE, "small", "", "");
    cloud_assert_refused(&above, &act, CODE_INVALID, "shape");
}

static void after_a_deadline_the_larger_is_held_until_the_late_result(void **state) {
    (void)state;
    struct message instruct;
    (void)cloud_run_vm(&above, cloud_alice, "web");
    struct request act = reshape(VERB_RESIZE, "large", "", "");
    (void)cloud_begin(&above, &act);
    struct far *cluster = cloud_instructed(&above, &instruct);
    bench_pass(&above.bench, 61000);
    assert_int_equal(used_cpus(), 4);
    bench_restart(&above.bench);
    assert_int_equal(used_cpus(), 4);
    bench_hello(&above.bench, cluster, 1);
    bench_say(&above.bench, cluster,
              facts_of(bench_result(&instruct, CODE_HOST_FAILED, VM_RUNNING), small));
    assert_int_equal(used_cpus(), 1);
}

static void an_image_is_kept_while_a_vm_is_made_from_it(void **state) {
    (void)state;
    struct message instruct;
    struct request delete = cloud_request(&above, cloud_operator, REQUEST_IMAGE_DELETE);
    (void)cloud_run_vm(&above, cloud_alice, "web");
    struct request act = reshape(VERB_REBUILD, "", "huge", "");
    cloud_assert_refused(&above, &act, CODE_IMAGE_TOO_LARGE, "image");
    struct request grow = reshape(VERB_RESIZE, "large", "", "");
    (void)cloud_begin(&above, &grow);
    cloud_answer(&above, CODE_OK, VM_RUNNING);
    (void)cloud_begin(&above, &act);
    struct far *cluster = cloud_instructed(&above, &instruct);
    text_set(delete.key, "huge");
    assert_int_equal(bench_ask(&above.bench, &delete)->code, CODE_CONFLICT);
    text_set(delete.key, "debian");
    assert_int_equal(bench_ask(&above.bench, &delete)->code, CODE_CONFLICT);
    bench_say(&above.bench, cluster, bench_result(&instruct, CODE_OK, VM_RUNNING));
    assert_int_equal(bench_ask(&above.bench, &delete)->kind, REPLY_GONE);
    text_set(delete.key, "huge");
    assert_int_equal(bench_ask(&above.bench, &delete)->code, CODE_CONFLICT);
}

static void what_cannot_be_is_refused_before_anything_is_done(void **state) {
    (void)state;
    (void)cloud_run_vm(&above, cloud_alice, "web");
    struct request act = reshape(VERB_RESIZE, "none", "", "");
    cloud_assert_refused(&above, &act, CODE_UNKNOWN_SHAPE, "shape");
    act = reshape(VERB_REBUILD, "", "none", "");
    cloud_assert_refused(&above, &act, CODE_UNKNOWN_IMAGE, "image");
    act = reshape(VERB_REVERT, "", "", "none");
    cloud_assert_refused(&above, &act, CODE_NOT_FOUND, "name");
    act = reshape(VERB_SNAPSHOT_DELETE, "", "", "none");
    cloud_assert_refused(&above, &act, CODE_NOT_FOUND, "name");
}

int main(void) {
#define with(test, set) cmocka_unit_test_setup_teardown(test, set, cluster_tear_down)
    const struct CMUnitTest tests[] = {
        with(the_larger_of_both_sizes_counts_until_the_host_has_done_it, set_up_agent),
        with(what_a_tenant_wants_of_the_machine_reaches_the_host, set_up_agent),
        with(a_resize_that_fails_half_way_leaves_what_the_host_says, set_up_agent),
        with(a_verb_that_fails_leaves_the_vm_as_it_was_or_says_what_it_has, set_up_agent),
        with(a_hard_reboot_asks_nobody_and_is_done_with_its_job, set_up_agent),
        with(a_host_never_says_more_than_was_set_aside, set_up_agent),
        with(what_a_host_cannot_give_is_refused_and_changes_nothing, set_up_agent),
        with(a_resize_that_a_crash_interrupted_is_done_and_held_meanwhile, set_up_agent),
        with(snapshots_are_named_once_and_bounded, set_up_agent),
        with(a_revert_after_a_resize_keeps_the_size_and_memory_must_fit, set_up_agent),
        with(a_snapshot_that_the_host_does_not_have_is_forgotten, set_up_agent),
        with(a_rebuild_starts_what_ran_and_leaves_no_snapshot, set_up_agent),
        with(an_owners_limit_holds_against_what_a_vm_grows_by, set_up_cluster),
        with(what_nobody_confirmed_is_held_until_the_hosts_table_tells, set_up_cluster),
        with(a_rebuild_waits_for_its_image_at_the_cluster, set_up_cluster),
        with(an_owner_permits_each_verb_its_shapes_and_its_images, set_up_cluster),
        cloud_test(a_quota_holds_the_larger_and_settles_at_the_truth, &above),
        cloud_test(after_a_deadline_the_larger_is_held_until_the_late_result, &above),
        cloud_test(an_image_is_kept_while_a_vm_is_made_from_it, &above),
        cloud_test(what_cannot_be_is_refused_before_anything_is_done, &above),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
