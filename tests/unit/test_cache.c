/* Whether a disk of a host stands on an image, whatever its agent's books say. */
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
#include "io/host/cache/cache.h"
#include "io/os/folder.h"

static char folder[32]; /* of this program's only thread; each test begins with a fresh one */
static struct host host;

void shell_put(struct shell *shell, const struct event *event) {
    (void)shell, (void)event;
}

void shell_post(struct shell *shell, const struct event *event) {
    (void)shell, (void)event;
    fail(); /* nothing here is for the role to say */
}

void shell_log(struct shell *shell, int level, const char *event, const char *format, ...) {
    (void)shell, (void)level, (void)event, (void)format;
}

static void path_of(const char *inside, char out[512]) {
    text_format(out, 512, "%s/%s", folder, inside);
}

static void make(const char *inside) {
    char path[512];
    path_of(inside, path);
    assert_int_equal(folder_make(path, 0700, NULL), 0);
}

static void put(const char *inside, const void *bytes, size_t length) {
    char path[512];
    path_of(inside, path);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(file_write(fd, bytes, length, path, NULL), 0);
    assert_int_equal(close(fd), 0);
}

/* The head of a qcow2 disk of 1 GiB on the image's. */
static void put_disk(const char *inside, int image) {
    unsigned char disk[512] = "QFI\xfb\0\0\0\3\0\0\0\0\0\0\0\x80";
    char *backing = (char *)disk + 128;
    int length = snprintf(backing, sizeof(disk) - 128, "%s/images/%064d/disk", folder, image);
    disk[19] = (unsigned char)length;
    disk[23] = 16;
    disk[28] = 0x40;
    put(inside, disk, sizeof(disk));
}

static bool stands(int image) {
    char digest[limit_digest_size];
    text_format(digest, sizeof(digest), "%064d", image);
    const struct shelf_calls calls = host_cache_calls(&host);
    return calls.stands(calls.context, digest);
}

static int set_up(void **state) {
    (void)state;
    text_set(folder, "/tmp/isthmus-cache-XXXXXX");
    assert_non_null(mkdtemp(folder));
    memset(&host, 0, sizeof(host));
    host.files.folder = folder;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return folder_remove(folder, NULL);
}

static void an_image_is_stood_on_by_a_vms_disk_one_that_is_made_and_one_put_aside(void **state) {
    (void)state;
    assert_false(stands(1));
    make("vms/vm-a");
    make("vms/vm-b"); /* without a disk */
    make("salvage/vm-c-4");
    assert_false(stands(1));
    put_disk("vms/vm-a/disk.qcow2", 1);
    put_disk("vms/vm-b/disk.qcow2.new", 2);
    put_disk("salvage/vm-c-4/disk.qcow2", 3);
    assert_true(stands(1));
    assert_true(stands(2));
    assert_true(stands(3));
    assert_false(stands(4));
}

static void a_disk_that_cannot_be_read_may_stand_on_any(void **state) {
    (void)state;
    make("vms/vm-a");
    put("vms/vm-a/disk.qcow2", "no disk", 7);
    assert_true(stands(1));
}

static void what_is_hidden_is_not_found_and_then_gone(void **state) {
    (void)state;
    char digest[limit_digest_size], inside[128], path[512];
    const struct shelf_calls calls = host_cache_calls(&host);
    text_format(digest, sizeof(digest), "%064d", 1);
    text_format(inside, sizeof(inside), "images/%s", digest);
    make(inside);
    text_format(inside, sizeof(inside), "images/%s/disk", digest);
    put(inside, digest, sizeof(digest));
    assert_true(host_image_is_here(&host.files, digest));
    assert_true(calls.bytes(calls.context, digest) >= sizeof(digest));
    assert_true(calls.hide(calls.context, digest));
    assert_false(host_image_is_here(&host.files, digest));
    assert_false(calls.hide(calls.context, digest));
    calls.remove(calls.context, digest);
    text_format(inside, sizeof(inside), "images/%s.gone", digest);
    path_of(inside, path);
    assert_int_equal(access(path, F_OK), -1);
}

int main(void) {
#define with(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        with(an_image_is_stood_on_by_a_vms_disk_one_that_is_made_and_one_put_aside),
        with(a_disk_that_cannot_be_read_may_stand_on_any),
        with(what_is_hidden_is_not_found_and_then_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
