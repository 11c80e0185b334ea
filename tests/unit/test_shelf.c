/* What goes from a folder of images, in which order, and what the role has to say first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "io/image/shelf.h"
#include "io/os/folder.h"

enum { image_bytes = 100, images = 4 };

/* The room around one shelf: this program's only thread plays worker and role. */
static struct {
    struct shelf shelf;
    char folder[32];
    atomic_bool closing;
    int needed, standing; /* one image each; 0: none */
    bool is_silent;       /* the role says nothing */
    unsigned asked;
    char told[images + 1]; /* numbers of images, in the order in which the role heard of them */
} room;

static void digest_of(int number, char out[limit_digest_size]) {
    text_format(out, limit_digest_size, "%064d", number);
}

static bool is_of(int number, const char *digest) {
    char expected[limit_digest_size];
    digest_of(number, expected);
    return text_equal(expected, digest);
}

void shell_post(struct shell *shell, const struct event *event) {
    struct effect_archive effect = {.word = ARCHIVE_REMOVE};
    (void)shell;
    room.asked++;
    assert_false(is_of(room.standing, event->archive.digest));
    assert_int_equal(event->archive.link, 5);
    text_set(effect.digest, event->archive.digest);
    if (is_of(room.needed, effect.digest))
        effect.word = ARCHIVE_KEEP;
    if (room.is_silent)
        atomic_store(&room.closing, true);
    else
        shelf_answer(&room.shelf, &effect);
}

void shell_put(struct shell *shell, const struct event *event) {
    (void)shell;
    assert_int_equal(event->kind, EVENT_IMAGE);
    assert_int_equal(event->image.code, CODE_OK);
    assert_int_equal(event->image.link, 5);
    for (int i = 1; i <= images; i++)
        if (is_of(i, event->image.digest))
            text_format(room.told + strlen(room.told), 2, "%d", i);
}

void shell_log(struct shell *shell, int level, const char *event, const char *format, ...) {
    (void)shell, (void)level, (void)event, (void)format;
}

static uint64_t bytes_of(void *context, const char *digest) {
    (void)context, (void)digest;
    return image_bytes;
}

static bool stands(void *context, const char *digest) {
    (void)context;
    return is_of(room.standing, digest);
}

static void path_of(const char *digest, const char *suffix, char out[256]) {
    text_format(out, 256, "%s/%s%s", room.folder, digest, suffix);
}

static bool hide(void *context, const char *digest) {
    char path[256], hidden[256];
    (void)context;
    path_of(digest, "", path);
    path_of(digest, ".gone", hidden);
    return rename(path, hidden) == 0;
}

static void remove_hidden(void *context, const char *digest) {
    char hidden[256];
    (void)context;
    path_of(digest, ".gone", hidden);
    assert_int_equal(unlink(hidden), 0);
}

static bool is_there(int number) {
    char digest[limit_digest_size], path[256];
    digest_of(number, digest);
    path_of(digest, "", path);
    return access(path, F_OK) == 0;
}

static void put(int number) {
    char digest[limit_digest_size], path[256];
    const struct timespec used[2] = {{.tv_sec = 1000 + number}, {.tv_sec = 1000 + number}};
    digest_of(number, digest);
    path_of(digest, "", path);
    assert_true(close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) == 0);
    assert_int_equal(utimensat(AT_FDCWD, path, used, 0), 0);
}

static int set_up(void **state) {
    (void)state;
    memset(&room, 0, sizeof(room));
    text_set(room.folder, "/tmp/isthmus-shelf-XXXXXX");
    assert_non_null(mkdtemp(room.folder));
    room.shelf = (struct shelf){.calls = {bytes_of, stands, hide, remove_hidden, NULL},
                                .folder = room.folder, .closing = &room.closing, .link = 5};
    shelf_init(&room.shelf);
    for (int i = 1; i <= images; i++)
        put(i);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    shelf_deinit(&room.shelf);
    return folder_remove(room.folder, NULL);
}

static void assert_left(const char *numbers) {
    char left[images + 1] = "";
    for (int i = 1; i <= images; i++)
        if (is_there(i))
            text_format(left + strlen(left), 2, "%d", i);
    assert_string_equal(left, numbers);
}

static void what_was_used_longest_ago_goes_until_there_is_no_more_than_may_be(void **state) {
    (void)state;
    char digest[limit_digest_size];
    digest_of(1, digest);
    shelf_use(&room.shelf, digest);
    room.shelf.most_bytes = 2 * image_bytes;
    shelf_trim(&room.shelf);
    assert_left("14");
    shelf_trim(&room.shelf);
    assert_left("14");
    assert_int_equal(room.asked, 2);
}

static void what_is_needed_or_stood_on_stays_whatever_the_limit(void **state) {
    (void)state;
    room.needed = 1;
    room.standing = 3;
    room.shelf.most_bytes = 1;
    shelf_trim(&room.shelf);
    assert_left("13");
    assert_int_equal(room.asked, 3); /* nobody is asked about what is stood on */
}

static void without_a_limit_only_a_full_disk_takes_one_by_one(void **state) {
    (void)state;
    shelf_trim(&room.shelf);
    assert_left("1234");
    room.needed = 1;
    assert_true(shelf_drop(&room.shelf));
    assert_left("134");
    assert_true(shelf_drop(&room.shelf));
    assert_true(shelf_drop(&room.shelf));
    assert_false(shelf_drop(&room.shelf));
    assert_left("1");
}

static void the_role_hears_of_all_that_is_there_what_was_used_last_at_the_end(void **state) {
    (void)state;
    char digest[limit_digest_size];
    digest_of(2, digest);
    shelf_use(&room.shelf, digest);
    shelf_tell(&room.shelf);
    assert_string_equal(room.told, "1342");
    assert_int_equal(room.asked, 0);
}

static void a_daemon_that_ends_waits_for_no_answer_and_hears_none(void **state) {
    (void)state;
    struct effect_archive late = {.word = ARCHIVE_REMOVE};
    room.is_silent = true;
    room.shelf.most_bytes = 1;
    shelf_trim(&room.shelf);
    assert_int_equal(room.asked, 1);
    digest_of(1, late.digest);
    shelf_answer(&room.shelf, &late);
    assert_left("1234");
}

int main(void) {
#define with(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        with(what_was_used_longest_ago_goes_until_there_is_no_more_than_may_be),
        with(what_is_needed_or_stood_on_stays_whatever_the_limit),
        with(without_a_limit_only_a_full_disk_takes_one_by_one),
        with(the_role_hears_of_all_that_is_there_what_was_used_last_at_the_end),
        with(a_daemon_that_ends_waits_for_no_answer_and_hears_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
