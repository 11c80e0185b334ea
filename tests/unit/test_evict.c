/* Which images clusters and hosts may remove: none that a VM stands on, or is to stand on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "host.h"

enum { defined_image = 7, other_image = 8 }; /* bench_define's, and another one */

static enum archive_word word_on(uint32_t link, int digest) {
    struct event event = {.kind = EVENT_ARCHIVE, .archive = {.link = link}};
    text_format(event.archive.digest, limit_digest_size, "%064d", digest);
    effects_clear(&bench.effects);
    bench_step(&bench, event);
    const struct effect *effect = bench_last(&bench, EFFECT_ARCHIVE);
    assert_int_equal(bench_count(&bench, EFFECT_ARCHIVE), 1);
    assert_int_equal(effect->archive.link, link);
    assert_string_equal(effect->archive.digest, event.archive.digest);
    return effect->archive.word;
}

static int set_up_cluster(void **state) {
    (void)state;
    cluster_open((const uint64_t[]){3, 2}, 2, (struct amounts){0});
    return 0;
}

static int set_up_agent(void **state) {
    (void)state;
    host_open(NULL);
    return 0;
}

static void a_cluster_keeps_what_the_vms_of_its_asker_are_made_from(void **state) {
    (void)state;
    uint32_t mine = cloud->setting.link, others = other->setting.link;
    assert_int_equal(word_on(mine, defined_image), ARCHIVE_REMOVE);
    bench_say(&bench, cloud, bench_define("1", "1", 1, &bench_shapes[0]));
    assert_non_null(bench_last(&bench, EFFECT_IMAGE));
    assert_int_equal(word_on(mine, defined_image), ARCHIVE_KEEP); /* it is waited for */
    assert_int_equal(word_on(others, defined_image), ARCHIVE_REMOVE);
    assert_int_equal(word_on(mine, other_image), ARCHIVE_REMOVE);
    bench_restart(&bench);
    assert_int_equal(word_on(mine, defined_image), ARCHIVE_KEEP);
    assert_int_equal(word_on(others, defined_image), ARCHIVE_REMOVE);
    assert_int_equal(word_on(99, defined_image), ARCHIVE_KEEP); /* of nobody that is known */
}

static void a_cluster_keeps_what_a_vm_is_to_be_made_anew_from(void **state) {
    (void)state;
    uint32_t mine = cloud->setting.link;
    cluster_run_vm(cloud, "1", "1");
    struct message rebuild = bench_define("2", "1", 2, &bench_shapes[0]);
    rebuild.instruct.verb = VERB_REBUILD;
    text_format(rebuild.instruct.definition.image, limit_digest_size, "%064d", other_image);
    bench_say(&bench, cloud, rebuild);
    assert_int_equal(word_on(mine, defined_image), ARCHIVE_KEEP);
    assert_int_equal(word_on(mine, other_image), ARCHIVE_KEEP);
}

static void a_host_keeps_what_its_vms_stand_on_until_they_are_gone(void **state) {
    (void)state;
    assert_int_equal(word_on(0, defined_image), ARCHIVE_REMOVE);
    bench_say(&bench, manager, bench_define("1", "1", 1, &bench_shapes[0]));
    assert_int_equal(host_job()->kind, JOB_FETCH);
    const struct effect_job fetch = *host_job();
    assert_int_equal(word_on(0, defined_image), ARCHIVE_KEEP);
    bench_step(&bench, (struct event){.kind = EVENT_JOB, .job = {.job = fetch.job}});
    host_end_job(CODE_OK);
    host_end_job(CODE_OK);
    assert_int_equal(word_on(0, defined_image), ARCHIVE_KEEP);
    bench_say(&bench, manager, bench_instruct("2", "1", 2, VERB_DELETE));
    const struct effect_job remove = *host_job();
    assert_int_equal(word_on(0, defined_image), ARCHIVE_KEEP); /* its disk is there yet */
    effects_clear(&bench.effects);
    bench_step(&bench, (struct event){.kind = EVENT_JOB, .job = {.job = remove.job}});
    struct message settled = {.kind = MESSAGE_SETTLED};
    text_format(settled.settled.op, sizeof(settled.settled.op), "op-%026d", 2);
    bench_say(&bench, manager, settled);
    assert_int_equal(word_on(0, defined_image), ARCHIVE_REMOVE);
}

static void a_host_that_does_not_know_yet_what_it_has_removes_nothing(void **state) {
    (void)state;
    host_begin(NULL);
    host_tell(NULL);
    assert_int_equal(word_on(0, other_image), ARCHIVE_KEEP);
    host_connect();
    assert_int_equal(word_on(0, other_image), ARCHIVE_REMOVE);
}

int main(void) {
#define with(test, set) cmocka_unit_test_setup_teardown(test, set, cluster_tear_down)
    const struct CMUnitTest tests[] = {
        with(a_cluster_keeps_what_the_vms_of_its_asker_are_made_from, set_up_cluster),
        with(a_cluster_keeps_what_a_vm_is_to_be_made_anew_from, set_up_cluster),
        with(a_host_keeps_what_its_vms_stand_on_until_they_are_gone, set_up_agent),
        with(a_host_that_does_not_know_yet_what_it_has_removes_nothing, NULL),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
