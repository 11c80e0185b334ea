/* A console's log in parts, as it grows and as its older part is given back. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/memory.h"
#include "io/host/guests/log.h"

static char path[] = "/tmp/isthmus-log-XXXXXX";
static int file = -1;

static int set_up(void **state) {
    (void)state;
    text_format(path, sizeof(path), "/tmp/isthmus-log-XXXXXX");
    file = mkstemp(path);
    return file < 0;
}

static int tear_down(void **state) {
    (void)state;
    (void)close(file);
    return unlink(path);
}

static void assert_part(uint64_t from, uint64_t first, const char *wanted) {
    struct reading part;
    struct error err;
    unsigned char bytes[limit_log_piece + 1] = "";
    assert_int_equal(guest_log_read(path, from, &part, &err), CODE_OK);
    size_t length =
        part.base64 ? base64_from_standard(part.base64, bytes, sizeof(bytes) - 1) : 0;
    assert_true(*wanted == 0 ? !part.base64 : part.base64 != NULL); /* "" could not be sent */
    assert_int_equal(part.from, first);
    assert_int_equal(part.next, first + strlen(wanted));
    assert_int_equal(length, strlen(wanted));
    assert_memory_equal(bytes, wanted, length);
    memory_free(part.base64);
}

static void a_log_is_read_to_its_end_and_on_when_it_grows(void **state) {
    (void)state;
    assert_part(0, 0, "");
    assert_int_equal(write(file, "one\n", 4), 4);
    assert_part(0, 0, "one\n");
    assert_part(4, 4, "");
    assert_int_equal(write(file, "two\n", 4), 4);
    assert_part(4, 4, "two\n");
    assert_part(9, 0, "one\ntwo\n"); /* another log by now: its newest part */
}

static void of_a_long_one_the_newest_part_comes_and_of_a_hole_nothing(void **state) {
    (void)state;
    enum { whole = 5 * limit_log_piece, hole = 4096 };
    char *all = memory_new(whole + 1, 1);
    memset(all, 'a', whole);
    assert_int_equal(write(file, all, whole), whole);
    all[limit_log_piece] = 0;
    assert_part(0, whole - limit_log_piece, all);
    assert_part(1, 1, all);
    assert_int_equal(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, hole), 0);
    assert_part(1, hole, all);
    memory_free(all);
}

static void what_is_no_file_is_not_read(void **state) {
    (void)state;
    struct reading part;
    struct error err;
    assert_int_equal(guest_log_read("/nowhere/console.log", 0, &part, &err), CODE_NOT_FOUND);
    assert_int_equal(guest_log_read("/dev/zero", 0, &part, &err), CODE_HOST_FAILED);
    char link[sizeof(path) + 5];
    text_format(link, sizeof(link), "%s.link", path);
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(guest_log_read(link, 0, &part, &err), CODE_HOST_FAILED);
    assert_int_equal(unlink(link), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_log_is_read_to_its_end_and_on_when_it_grows, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            of_a_long_one_the_newest_part_comes_and_of_a_hole_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_not_read, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
