/* A host's agent and VMs that go to other hosts while they run: what it does as the one that sends
 * and as the one that receives, also when it is killed or its host loses power meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "host.h"

/* Reached by others at the URI; "": by none. */
static void tell_host(const char *uri) {
    struct event_host host = {.size = {8, 8192, 100}, .accelerator = "kvm", .sends = true};
    text_set(host.uri, uri);
    text_set(host.folder, "/isthmus");
    host_tell(&host);
}

static void open_live(const char *uri) {
    host_begin(NULL);
    tell_host(uri);
    host_connect();
}

static const char here[] = "qemu+tls://here/system";

static int set_up(void **state) {
    (void)state;
    open_live(here);
    return 0;
}

static void end_job(enum job_kind kind, enum code code) {
    assert_non_null(host_job());
    assert_string_equal(job_names[host_job()->kind], job_names[kind]);
    host_end_job(code);
}

static void receive(void) {
    struct message message = bench_define("1", "1", 1, &bench_shapes[0]);
    message.instruct.verb = VERB_RECEIVE;
    message.instruct.epoch = 2;
    bench_say(&bench, manager, message);
}

static void adopt(void) {
    struct message message = bench_instruct("2", "1", 2, VERB_ADOPT);
    message.instruct.epoch = 2;
    bench_say(&bench, manager, message);
}

static void be_ready(void) {
    receive();
    end_job(JOB_FETCH, CODE_OK);
    end_job(JOB_RECEIVE, CODE_OK);
    const struct landing *landing = &host_assert_result(CODE_OK, VM_PENDING)->landing;
    assert_string_equal(landing->uri, "qemu+tls://here/system");
    assert_string_equal(landing->folder, "/isthmus");
    assert_int_equal(landing->epoch, 2);
}

/* With what is ready at the other host. */
static struct message to_migrate(const char *op, uint64_t generation) {
    struct message message = bench_define(op, "1", generation, &bench_shapes[0]);
    message.instruct.verb = VERB_MIGRATE;
    message.instruct.landing = (struct landing){.epoch = 2,
                                                .uri = memory_text("qemu+tls://b/system"),
                                                .folder = memory_text("/b")};
    return message;
}

static void migrate(void) {
    bench_say(&bench, manager, to_migrate("2", 2));
    assert_string_equal(bench_last(&bench, EFFECT_JOB)->job.landing.uri, "qemu+tls://b/system");
}

static void what_starts_programs_or_is_no_place_is_no_landing(void **state) {
    (void)state;
    static const struct landing hostile[] = {
        {2, NULL, NULL}, {2, "qemu+tls://b/system", NULL}, {2, "qemu+tls://b/system", "/b/../etc"},
        {2, "qemu+ext:///system?command=/bin/sh", "/b"}, {2, "qemu+ssh://b/system", "/b"},
        {2, "qemu+tls://b/system?pkipath=/tmp", "/b"}};
    host_run_vm();
    effects_clear(&bench.effects);
    for (size_t i = 0; i < array_size(hostile); i++) {
        char op[8];
        text_format(op, sizeof(op), "%zu", i + 2);
        struct message message = to_migrate(op, i + 2);
        record_clear(&landing_table, &message.instruct.landing);
        message.instruct.landing = (struct landing){2, memory_text(hostile[i].uri),
                                                    memory_text(hostile[i].folder)};
        bench_say(&bench, manager, message);
        assert_null(bench_last(&bench, EFFECT_JOB));
        (void)host_assert_result(CODE_INVALID, VM_RUNNING);
    }
}

/* Killed, and back; the scan is still to come. */
static void restart(void) {
    bench_restart(&bench);
    tell_host(here);
}

static void be_scanned(void) {
    effects_clear(&bench.effects);
    bench_step(&bench, (struct event){.kind = EVENT_SCANNED});
}

static void what_has_come_stands_still_until_it_is_adopted(void **state) {
    (void)state;
    be_ready();
    host_domain_is("1", 2, VM_PAUSED, DOMAIN_CHANGED);
    assert_int_equal(bench_count(&bench, EFFECT_JOB), 0);
    restart();
    host_domain_is("1", 2, VM_PAUSED, DOMAIN_FOUND);
    be_scanned();
    assert_int_equal(bench_count(&bench, EFFECT_JOB), 0);
    bench_welcome(&bench, manager);
    adopt();
    end_job(JOB_ADOPT, CODE_OK);
    (void)host_assert_result(CODE_OK, VM_RUNNING);
}

static void what_was_cut_off_where_it_had_come_is_not_started_before_that(void **state) {
    (void)state;
    be_ready();
    host_domain_is("1", 2, VM_PAUSED, DOMAIN_CHANGED);
    restart();
    host_domain_is("1", 2, VM_STOPPED, DOMAIN_CUT);
    be_scanned();
    assert_int_equal(bench_count(&bench, EFFECT_JOB), 0);
    bench_welcome(&bench, manager);
    adopt();
    end_job(JOB_ADOPT, CODE_OK);
    (void)host_assert_result(CODE_OK, VM_RUNNING);
}

static void what_has_not_come_is_lost(void **state) {
    (void)state;
    be_ready();
    adopt();
    end_job(JOB_ADOPT, CODE_LOST);
    (void)host_assert_result(CODE_LOST, VM_LOST);
}

static void what_cannot_be_made_ready_is_undone(void **state) {
    (void)state;
    receive();
    end_job(JOB_FETCH, CODE_OK);
    end_job(JOB_RECEIVE, CODE_HOST_FAILED);
    end_job(JOB_REMOVE, CODE_OK);
    (void)host_assert_result(CODE_HOST_FAILED, VM_FAILED);
}

static void who_cannot_be_reached_receives_nothing(void **state) {
    (void)state;
    bench_deinit(&bench);
    open_live("");
    receive();
    assert_int_equal(bench_count(&bench, EFFECT_JOB), 0);
    (void)host_assert_result(CODE_UNSUPPORTED, VM_FAILED);
}

static void what_has_gone_is_gone_and_what_has_not_runs_on(void **state) {
    (void)state;
    host_run_vm();
    migrate();
    end_job(JOB_MIGRATE, CODE_HOST_FAILED);
    (void)host_assert_result(CODE_HOST_FAILED, VM_RUNNING);
    bench_say(&bench, manager, to_migrate("3", 3));
    bench_say(&bench, manager, to_migrate("4", 4)); /* meanwhile */
    (void)host_assert_result(CODE_BUSY, VM_RUNNING);
    restart();
    be_scanned(); /* which has not found it */
    end_job(JOB_MIGRATE, CODE_OK);
    bench_welcome(&bench, manager);
    (void)host_assert_result(CODE_OK, VM_DELETED);
}

static void what_was_cut_off_on_its_way_runs_again_where_it_is(void **state) {
    (void)state;
    host_run_vm();
    migrate();
    restart();
    host_domain_is("1", 1, VM_STOPPED, DOMAIN_CUT);
    be_scanned();
    end_job(JOB_START, CODE_OK);
    end_job(JOB_MIGRATE, CODE_HOST_FAILED);
    bench_welcome(&bench, manager);
    (void)host_assert_result(CODE_HOST_FAILED, VM_RUNNING);
}

static void what_is_not_as_it_was_made_ready_for_stays(void **state) {
    (void)state;
    host_run_vm();
    struct message another = to_migrate("2", 2);
    another.instruct.definition.size.disk_gib++;
    bench_say(&bench, manager, another);
    (void)host_assert_result(CODE_BAD_STATE, VM_RUNNING);
    another = to_migrate("3", 3);
    memset(another.instruct.definition.image, 'e', limit_digest_size - 1);
    bench_say(&bench, manager, another);
    (void)host_assert_result(CODE_BAD_STATE, VM_RUNNING);
}

static void only_a_vm_that_runs_goes(void **state) {
    (void)state;
    host_run_vm();
    host_domain_is("1", 1, VM_STOPPED, DOMAIN_CHANGED);
    bench_say(&bench, manager, to_migrate("2", 2));
    assert_int_equal(bench_count(&bench, EFFECT_JOB), 0);
    (void)host_assert_result(CODE_BAD_STATE, VM_STOPPED);
}

#define on_host(test) cmocka_unit_test_setup_teardown(test, set_up, cluster_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        on_host(what_has_come_stands_still_until_it_is_adopted),
        on_host(what_was_cut_off_where_it_had_come_is_not_started_before_that),
        on_host(what_has_not_come_is_lost),
        on_host(what_cannot_be_made_ready_is_undone),
        on_host(who_cannot_be_reached_receives_nothing),
        on_host(what_has_gone_is_gone_and_what_has_not_runs_on),
        on_host(what_was_cut_off_on_its_way_runs_again_where_it_is),
        on_host(what_is_not_as_it_was_made_ready_for_stays),
        on_host(only_a_vm_that_runs_goes),
        on_host(what_starts_programs_or_is_no_place_is_no_landing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
