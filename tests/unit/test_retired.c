/* Archives that no image has any more: their files go when nobody needs them, whatever dies in
 * between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cloud.h"
#include "message/records/retired.h"

static struct cloud cloud; /* of this program's only thread; each test begins with a fresh one */

enum { look_ms = 60000 };

static struct text digest_of(int number) {
    struct text digest = {0};
    text_addf(&digest, "%064d", number);
    return digest;
}

static void add_image(const char *name, int digest) {
    struct request request = cloud_request(&cloud, cloud_operator, REQUEST_IMAGE_ADD);
    text_set(request.image.name, name);
    text_format(request.image.digest, limit_digest_size, "%064d", digest);
    assert_int_equal(bench_ask(&cloud.bench, &request)->kind, REPLY_CREATED);
}

static void delete_image(const char *name) {
    struct request request = cloud_request(&cloud, cloud_operator, REQUEST_IMAGE_DELETE);
    text_set(request.key, name);
    assert_int_equal(bench_ask(&cloud.bench, &request)->kind, REPLY_GONE);
}

/* The newest step's word on this archive is that one, and no other one was said. */
static void assert_said(enum archive_word word, int digest) {
    auto_clean(text_deinit) struct text expected = digest_of(digest);
    const struct effect *effect = bench_last(&cloud.bench, EFFECT_ARCHIVE);
    assert_int_equal(bench_count(&cloud.bench, EFFECT_ARCHIVE), 1);
    assert_int_equal(effect->archive.word, word);
    assert_string_equal(effect->archive.digest, text_data(&expected));
}

static void tell(int digest, bool is_gone) {
    struct event event = {.kind = EVENT_ARCHIVE, .archive = {.is_gone = is_gone}};
    text_format(event.archive.digest, limit_digest_size, "%064d", digest);
    effects_clear(&cloud.bench.effects);
    bench_step(&cloud.bench, event);
}

static size_t retired_stored(void) {
    size_t count = 0;
    for (size_t i = 0; i < cloud.bench.stored_count; i++)
        count += cloud.bench.stored[i].table == &retired_table;
    return count;
}

/* A VM whose place says that it is made from an archive that no image had then. */
static struct id vm_of_unknown(int digest) {
    struct message instruct;
    struct id vm = cloud_run_vm(&cloud, cloud_alice, "web");
    struct request rebuild = cloud_act(&cloud, cloud_alice, VERB_REBUILD, vm.text);
    (void)cloud_begin(&cloud, &rebuild);
    struct far *cluster = cloud_instructed(&cloud, &instruct);
    struct message result = bench_result(&instruct, CODE_HOST_FAILED, VM_RUNNING);
    result.result.facts.size = instruct.instruct.definition.size;
    text_format(result.result.facts.image, limit_digest_size, "%064d", digest);
    bench_say(&cloud.bench, cluster, result);
    assert_string_equal(cloud_vm(&cloud, vm.text)->image, "");
    return vm;
}

static void the_archive_of_a_deleted_image_goes_in_three_steps(void **state) {
    (void)state;
    delete_image("huge");
    assert_said(ARCHIVE_ASK, 2);
    assert_int_equal(retired_stored(), 1);
    tell(2, false);
    assert_said(ARCHIVE_REMOVE, 2);
    assert_int_equal(retired_stored(), 1); /* until the file is gone */
    tell(2, true);
    assert_int_equal(retired_stored(), 0);
    bench_pass(&cloud.bench, 10 * look_ms);
    assert_int_equal(bench_count(&cloud.bench, EFFECT_ARCHIVE), 0);
}

static void whoever_died_before_the_file_was_gone_begins_again(void **state) {
    (void)state;
    delete_image("huge");
    bench_restart(&cloud.bench);
    assert_said(ARCHIVE_ASK, 2);
    tell(2, false);
    assert_said(ARCHIVE_REMOVE, 2);
    bench_restart(&cloud.bench); /* removed or not: it is said again */
    assert_said(ARCHIVE_ASK, 2);
    tell(2, true);
    bench_restart(&cloud.bench);
    assert_int_equal(bench_count(&cloud.bench, EFFECT_ARCHIVE), 0);
}

static void an_archive_that_an_image_has_again_stays(void **state) {
    (void)state;
    delete_image("huge");
    assert_said(ARCHIVE_ASK, 2);
    add_image("as-huge", 2);
    assert_int_equal(retired_stored(), 0);
    tell(2, false);
    assert_said(ARCHIVE_KEEP, 2);
}

static void what_the_books_never_had_stays(void **state) {
    (void)state;
    tell(9, false);
    assert_said(ARCHIVE_KEEP, 9);
    tell(1, false);
    assert_said(ARCHIVE_KEEP, 1);
}

static void an_archive_stays_while_a_vm_is_made_from_it(void **state) {
    (void)state;
    struct id vm = vm_of_unknown(7);
    add_image("late", 7);
    delete_image("late");
    assert_int_equal(bench_count(&cloud.bench, EFFECT_ARCHIVE), 0);
    tell(7, false);
    assert_said(ARCHIVE_KEEP, 7);
    struct request metrics = cloud_request(&cloud, cloud_operator, REQUEST_METRICS);
    const struct metrics *told = bench_ask(&cloud.bench, &metrics)->record.data;
    uint64_t archives = 0;
    for (uint32_t i = 0; i < told->samples_count; i++)
        if (told->samples[i].metric == METRIC_RETIRED)
            archives = told->samples[i].value;
    assert_int_equal(archives, 1);
    bench_restart(&cloud.bench);
    bench_hello(&cloud.bench, cloud.north, 2);
    bench_pass(&cloud.bench, 2 * look_ms);
    assert_int_equal(bench_count(&cloud.bench, EFFECT_ARCHIVE), 0);
    bench_hello(&cloud.bench, cloud.north, 2);
    struct request act = cloud_act(&cloud, cloud_alice, VERB_DELETE, vm.text);
    (void)cloud_begin(&cloud, &act);
    cloud_answer(&cloud, CODE_OK, VM_DELETED);
    effects_clear(&cloud.bench.effects);
    bench_pass(&cloud.bench, look_ms + 1);
    assert_said(ARCHIVE_ASK, 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cloud_test(the_archive_of_a_deleted_image_goes_in_three_steps, &cloud),
        cloud_test(whoever_died_before_the_file_was_gone_begins_again, &cloud),
        cloud_test(an_archive_that_an_image_has_again_stays, &cloud),
        cloud_test(what_the_books_never_had_stays, &cloud),
        cloud_test(an_archive_stays_while_a_vm_is_made_from_it, &cloud),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
