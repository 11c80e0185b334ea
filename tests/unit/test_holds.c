/* Which images a place tells that it has: to whom, when, and what of it is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "core/below/holds.h"
#include "host.h"

static void digest_of(int number, char out[limit_digest_size]) {
    text_format(out, limit_digest_size, "%016x%048d", number, 0);
}

static void comes(uint32_t link, int number) {
    struct event event = {.kind = EVENT_IMAGE, .image.link = link};
    digest_of(number, event.image.digest);
    effects_clear(&bench.effects);
    bench_step(&bench, event);
}

static void may_go(uint32_t link, int number) {
    struct event event = {.kind = EVENT_ARCHIVE, .archive.link = link};
    digest_of(number, event.archive.digest);
    effects_clear(&bench.effects);
    bench_step(&bench, event);
    assert_int_equal(bench_last(&bench, EFFECT_ARCHIVE)->archive.word, ARCHIVE_REMOVE);
}

/* The numbers that the newest step has told; "": none is there; "-": it has told nothing. */
static const char *told(struct far *to) {
    static char numbers[limit_holds * 4];
    const struct message *message = bench_told(&bench, to, MESSAGE_HOLDS);
    text_format(numbers, sizeof(numbers), "%s", message ? "" : "-");
    for (uint32_t i = 0; message && i < message->holds.images_count; i++) {
        char digest[limit_digest_size];
        for (int number = 0; number < 1000; number++) {
            digest_of(number, digest);
            if (text_equal(digest, message->holds.images[i].digest))
                text_format(numbers + strlen(numbers), 5, "%s%d", i ? " " : "", number);
        }
    }
    return numbers;
}

static void asks(struct far *above) {
    bench_cut(&bench, above);
    bench_welcome(&bench, above);
}

static int set_up(void **state) {
    (void)state;
    cluster_open((const uint64_t[]){3, 2}, 2, (struct amounts){0});
    bench.asks_images = true;
    asks(cloud);
    asks(other);
    return 0;
}

static void a_cluster_tells_each_manager_what_that_one_has_delivered(void **state) {
    (void)state;
    comes(cloud->setting.link, 1);
    assert_string_equal(told(cloud), "1");
    assert_string_equal(told(other), "-");
    comes(other->setting.link, 2);
    assert_string_equal(told(other), "2");
    assert_string_equal(told(cloud), "-");
    comes(cloud->setting.link, 2);
    assert_string_equal(told(cloud), "1 2");
    comes(cloud->setting.link, 1); /* asked for again, and here */
    assert_string_equal(told(cloud), "-");
    may_go(cloud->setting.link, 1);
    assert_string_equal(told(cloud), "2");
    assert_string_equal(told(other), "-");
    may_go(cloud->setting.link, 2);
    assert_string_equal(told(cloud), "");
}

static void what_could_not_be_fetched_is_not_told(void **state) {
    (void)state;
    struct event event = {.kind = EVENT_IMAGE,
                          .image = {.link = cloud->setting.link, .code = CODE_IMAGE_BROKEN}};
    digest_of(1, event.image.digest);
    bench_step(&bench, event);
    assert_string_equal(told(cloud), "-");
}

static void a_new_session_is_told_anew_where_there_is_something_to_tell(void **state) {
    (void)state;
    comes(cloud->setting.link, 1);
    asks(cloud);
    assert_string_equal(told(cloud), "1");
    asks(other);
    assert_string_equal(told(other), "-");
}

static void who_does_not_ask_is_told_nothing(void **state) {
    (void)state;
    bench.asks_images = false;
    asks(cloud);
    comes(cloud->setting.link, 1);
    assert_string_equal(told(cloud), "-");
}

static void of_too_many_the_newest_are_told(void **state) {
    (void)state;
    char expected[limit_holds * 4] = "";
    for (int i = 100; i < 102 + limit_holds; i++)
        comes(cloud->setting.link, i);
    for (int i = 102; i < 102 + limit_holds; i++)
        text_format(expected + strlen(expected), 5, "%s%d", i > 102 ? " " : "", i);
    assert_string_equal(told(cloud), expected);
}

static bool takes_to_have(int number) {
    char digest[limit_digest_size];
    digest_of(number, digest);
    return peer_holds(&role_downlink(bench.role)->peers[1], digest);
}

static void say_holds(struct far *host, int number) {
    struct message message = {.kind = MESSAGE_HOLDS};
    message.holds.images = memory_new(1, sizeof(*message.holds.images));
    message.holds.images_count = 1;
    digest_of(number, message.holds.images[0].digest);
    bench_say(&bench, host, message);
}

static void a_host_has_what_it_told_last_in_this_session(void **state) {
    (void)state;
    struct far *host = bench_agent(&bench, 1);
    assert_false(takes_to_have(1));
    say_holds(host, 1);
    assert_true(takes_to_have(1) && !takes_to_have(2));
    say_holds(host, 2);
    assert_true(takes_to_have(2) && !takes_to_have(1));
    bench_hello(&bench, host, 2); /* and tells of none: all have gone */
    assert_false(takes_to_have(2));
}

static void what_hosts_have_stays_inside(void **state) {
    (void)state;
    say_holds(bench_agent(&bench, 1), 1);
    assert_string_equal(told(cloud), "-");
    assert_string_equal(told(other), "-");
}

static int set_up_agent(void **state) {
    (void)state;
    host_open(NULL);
    bench.asks_images = true;
    asks(manager);
    return 0;
}

static void a_host_tells_what_it_has_unpacked(void **state) {
    (void)state;
    comes(0, 3);
    assert_string_equal(told(manager), "3");
    may_go(0, 3);
    assert_string_equal(told(manager), "");
}

#define with_cluster(test) cmocka_unit_test_setup_teardown(test, set_up, cluster_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_cluster(a_cluster_tells_each_manager_what_that_one_has_delivered),
        with_cluster(what_could_not_be_fetched_is_not_told),
        with_cluster(a_new_session_is_told_anew_where_there_is_something_to_tell),
        with_cluster(who_does_not_ask_is_told_nothing),
        with_cluster(of_too_many_the_newest_are_told),
        with_cluster(a_host_has_what_it_told_last_in_this_session),
        with_cluster(what_hosts_have_stays_inside),
        cmocka_unit_test_setup_teardown(a_host_tells_what_it_has_unpacked, set_up_agent,
                                        cluster_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
