/* What a warden does when, and what it takes from a file. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/prng.h"
#include "base/text.h"
#include "io/warden/client.h"

enum { most_ms = 1000 };

static enum warden_act judge(enum warden_state state, uint64_t until_ms, uint64_t now_ms) {
    const struct warden_vm vm = {state, 5000};
    const struct warden_lease lease = {.until_ms = until_ms};
    return warden_judge(&vm, &lease, most_ms, now_ms);
}

static void a_lease_holds_until_its_end_and_not_a_moment_longer(void **context) {
    (void)context;
    assert_int_equal(judge(WARDEN_RUNS, 6000, 5999), WARDEN_LEAVE);
    assert_int_equal(judge(WARDEN_RUNS, 6000, 6000), WARDEN_FREEZE);
    assert_int_equal(judge(WARDEN_RUNS, 0, 0), WARDEN_FREEZE);
    assert_int_equal(judge(WARDEN_OFF, 6000, 6000), WARDEN_FREEZE);
}

static void what_is_frozen_goes_on_with_a_lease_and_ends_without_one(void **context) {
    (void)context;
    assert_int_equal(judge(WARDEN_FROZEN, 6000, 5500), WARDEN_THAW);
    assert_int_equal(judge(WARDEN_FROZEN, 5000, 5999), WARDEN_FREEZE);
    assert_int_equal(judge(WARDEN_FROZEN, 5000, 6000), WARDEN_END);
    assert_int_equal(judge(WARDEN_FROZEN, 7000, 6500), WARDEN_THAW); /* late, and yet renewed */
}

static void nothing_brings_back_what_is_over(void **context) {
    (void)context;
    const struct warden_lease over = {.until_ms = UINT64_MAX, .is_over = true};
    for (int state = 0; state < WARDEN_STATE_COUNT; state++) {
        const struct warden_vm vm = {(enum warden_state)state, 5000};
        assert_int_equal(warden_judge(&vm, &over, most_ms, 5000), WARDEN_END);
    }
    assert_int_equal(judge(WARDEN_ENDED, 9000, 5000), WARDEN_END);
}

/* --- files --- */

static const char boot[] = "0123abcd-0000-4000-8000-000000000000";
static const char vm[] = "vm-01jdabcdefghjkmnpqrstv0000";

static void what_is_written_is_read(void **context) {
    (void)context;
    char text[warden_file_most], *rest = text;
    struct warden_registration registration = {.group = "link-2", .pid_file = "/run/q/a b.pid"}, it;
    text_set(registration.boot, boot);
    text_format(registration.guest, sizeof(registration.guest), "isthmus-%s", vm);
    warden_print_registration(&registration, text, sizeof(text));
    assert_true(warden_parse_registration(text, &it));
    assert_string_equal(it.boot, boot);
    assert_string_equal(it.group, "link-2");
    assert_string_equal(it.guest, registration.guest);
    assert_string_equal(it.pid_file, "/run/q/a b.pid");

    struct warden_group group = {.until_ms = INT64_MAX}, got_group;
    text_set(group.boot, boot);
    warden_print_group(&group, text, sizeof(text));
    assert_true(warden_parse_group(text, &got_group));
    assert_int_equal(got_group.until_ms, INT64_MAX);

    struct warden_beat beat = {.at_ms = 7, .refused = 3, .is_stuck = true}, got_beat;
    text_set(beat.boot, boot);
    warden_print_beat(&beat, text, sizeof(text));
    assert_true(warden_parse_beat(text, &got_beat));
    assert_int_equal(got_beat.at_ms, 7);
    assert_int_equal(got_beat.refused, 3);
    assert_true(got_beat.is_stuck && !got_beat.is_realtime);

    struct warden_entry entry = {.what = {WARDEN_FROZEN, 12}, .pid = 34, .start = 56}, got;
    char got_boot[warden_boot_size];
    text_set(entry.vm, vm);
    size_t used = warden_print_state(boot, text, sizeof(text));
    warden_print_entry(&entry, text + used, sizeof(text) - used);
    assert_true(warden_parse_state(&rest, got_boot));
    assert_true(warden_parse_entry(&rest, &got));
    assert_string_equal(got.vm, vm);
    assert_int_equal(got.what.state, WARDEN_FROZEN);
    assert_int_equal(got.what.since_ms, 12);
    assert_int_equal(got.pid, 34);
    assert_int_equal(got.start, 56);
    assert_false(warden_parse_entry(&rest, &got));
}

/* Whatever one byte becomes, the parsers give true or false and stay within the text. */
static void a_spoilt_file_is_refused_or_means_what_it_says(void **context) {
    (void)context;
    struct prng prng;
    prng_init(&prng, 1);
    char good[warden_file_most];
    text_format(good, sizeof(good), "isthmus-warden 1 %s\nuntil_ms 123456\n", boot);
    size_t length = strlen(good);
    unsigned refused = 0, rounds = 20000;
    for (unsigned i = 0; i < rounds; i++) {
        auto_clean(memory_clean) char *text = memory_copy(good, length + 1); /* for ASan */
        text[prng_next(&prng) % length] = (char)(prng_next(&prng) % 255 + 1);
        if (i % 3 == 0)
            text[prng_next(&prng) % length] = 0;
        struct warden_group group;
        refused += !warden_parse_group(text, &group);
    }
    assert_in_range(refused, rounds / 2, rounds - 1); /* a digit may become another */
}

static void names_lead_nowhere_else(void **context) {
    (void)context;
    const char *const bad[] = {"", ".", "..", "../x", "a/b", ".new-x", "-x", "A", "a b", "a\n"};
    for (size_t i = 0; i < array_size(bad); i++)
        assert_false(warden_name_is_fit(bad[i]));
    char longest[warden_name_size + 1];
    memset(longest, 'a', sizeof(longest));
    longest[warden_name_size] = 0;
    assert_false(warden_name_is_fit(longest));
    longest[warden_name_size - 1] = 0;
    assert_true(warden_name_is_fit(longest) && warden_name_is_fit(vm));
}

/* --- the agent's side --- */

struct room {
    char folder[64];
    struct warden_client client;
    int fd;
};

static int open_room(void **context) {
    struct room *room = memory_new(1, sizeof(*room));
    char path[96];
    text_set(room->folder, "/tmp/isthmus-warden-XXXXXX");
    assert_non_null(mkdtemp(room->folder));
    for (int i = 0; i < 2; i++) {
        text_format(path, sizeof(path), "%s/%s", room->folder, i ? "vms" : "groups");
        assert_int_equal(mkdir(path, 0700), 0);
    }
    struct error err;
    assert_int_equal(warden_client_open(&room->client, room->folder, &err), 0);
    room->fd = open(room->folder, O_RDONLY | O_DIRECTORY);
    *context = room;
    return 0;
}

static int close_room(void **context) {
    struct room *room = *context;
    const char *const names[] = {"beat", "state", "vms/v-1", "groups/link"};
    for (size_t i = 0; i < array_size(names); i++)
        unlinkat(room->fd, names[i], 0);
    unlinkat(room->fd, "vms", AT_REMOVEDIR);
    unlinkat(room->fd, "groups", AT_REMOVEDIR);
    close(room->fd);
    rmdir(room->folder);
    memory_free(room);
    return 0;
}

static void put(struct room *room, const char *name, const char *first, const char *more) {
    char bytes[warden_file_most];
    struct error err;
    text_format(bytes, sizeof(bytes), "isthmus-warden 1 %s\n%s", first, more);
    const struct warden_text text = {name, bytes, strlen(bytes)};
    assert_int_equal(warden_file_write(room->fd, &text, &err), 0);
}

static void a_warden_is_alive_by_its_beat_of_this_boot_alone(void **context) {
    struct room *room = *context;
    struct error err;
    static const char more[] = "at_ms 1000\nrefused 0\nrealtime no\nstuck no\n";
    assert_false(warden_client_is_alive(&room->client, 1000, &err)); /* it never was */
    put(room, "beat", room->client.boot, more);
    assert_true(warden_client_is_alive(&room->client, 1000, &err));
    assert_true(warden_client_is_alive(&room->client, 1000 + warden_fresh_ms - 1, &err));
    assert_false(warden_client_is_alive(&room->client, 1000 + warden_fresh_ms, &err));
    assert_string_equal(err.text, "the warden has been silent for 2000 ms");
    put(room, "beat", boot, more);
    assert_false(warden_client_is_alive(&room->client, 1000, &err));
    put(room, "beat", room->client.boot, "at_ms x\n");
    assert_false(warden_client_is_alive(&room->client, 1000, &err));
    const struct warden_client elsewhere = {.folder = "/nonexistent"};
    assert_false(warden_client_is_alive(&elsewhere, 1000, &err));
    assert_non_null(strstr(err.text, "is isthmus-warden started?"));
}

static void what_an_agent_says_stands_in_files_and_is_taken_back(void **context) {
    struct room *room = *context;
    char bytes[warden_file_most];
    struct error err;
    struct warden_registration what = {.group = "link", .guest = "isthmus-v-1", .pid_file = "/p"};
    struct warden_registration read;
    struct warden_group group;
    const struct warden_text in_vms = {"vms/v-1", bytes, sizeof(bytes)};
    const struct warden_text in_groups = {"groups/link", bytes, sizeof(bytes)};
    assert_int_equal(warden_client_register(&room->client, "v-1", &what, &err), 0);
    assert_int_equal(warden_file_read(room->fd, &in_vms, &err), 0);
    assert_true(warden_parse_registration(bytes, &read));
    assert_string_equal(read.boot, room->client.boot);
    assert_int_equal(warden_client_register(&room->client, "../v-1", &what, &err), -EINVAL);
    assert_int_equal(warden_client_renew(&room->client, "link", 42, &err), 0);
    assert_int_equal(warden_file_read(room->fd, &in_groups, &err), 0);
    assert_true(warden_parse_group(bytes, &group));
    assert_int_equal(group.until_ms, 42);
    for (int i = 0; i < 2; i++)
        assert_int_equal(warden_client_unregister(&room->client, "v-1", &err), 0);
    assert_int_equal(warden_file_read(room->fd, &in_vms, &err), -ENOENT);
}

static void an_agent_reads_what_became_of_each_vm_or_nothing(void **context) {
    struct room *room = *context;
    struct error err;
    struct warden_entry *all = NULL, one;
    size_t count = 0;
    assert_int_equal(warden_client_read(&room->client, &all, &count, &err), -ENOENT);
    put(room, "state", room->client.boot, "v-1 frozen 10 20 30\nv-2 off 11 0 0\n");
    assert_int_equal(warden_client_read(&room->client, &all, &count, &err), 0);
    assert_int_equal(count, 2);
    assert_int_equal(all[0].what.state, WARDEN_FROZEN);
    memory_free(all);
    assert_int_equal(warden_client_find(&room->client, "v-2", &one, &err), 0);
    assert_int_equal(one.what.state, WARDEN_OFF);
    assert_int_equal(warden_client_find(&room->client, "v-3", &one, &err), 1);
    put(room, "state", room->client.boot, "v-1 frozen 10 20 30\nv-2 off\n");
    assert_int_equal(warden_client_read(&room->client, &all, &count, &err), -EINVAL);
    put(room, "state", boot, "v-1 frozen 10 20 30\n");
    assert_int_equal(warden_client_find(&room->client, "v-1", &one, &err), -EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lease_holds_until_its_end_and_not_a_moment_longer),
        cmocka_unit_test(what_is_frozen_goes_on_with_a_lease_and_ends_without_one),
        cmocka_unit_test(nothing_brings_back_what_is_over),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_spoilt_file_is_refused_or_means_what_it_says),
        cmocka_unit_test(names_lead_nowhere_else),
        cmocka_unit_test_setup_teardown(a_warden_is_alive_by_its_beat_of_this_boot_alone,
                                        open_room, close_room),
        cmocka_unit_test_setup_teardown(what_an_agent_says_stands_in_files_and_is_taken_back,
                                        open_room, close_room),
        cmocka_unit_test_setup_teardown(an_agent_reads_what_became_of_each_vm_or_nothing,
                                        open_room, close_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
