/* Disks that are full, on a small file system of our own: the store has room of its own, what is
 * offered is what is free with what ours holds, and logs of consoles stay small. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/host/guests/console.h"
#include "io/host/machine.h"
#include "io/os/disk.h"
#include "io/os/folder.h"
#include "io/store/store.h"

enum { mib = 1 << 20, disk_mib = 64 };

static char room[64]; /* the file system's folder */

static int set_up(void **state) {
    (void)state;
    text_format(room, sizeof(room), "/tmp/isthmus-disk-XXXXXX");
    assert_non_null(mkdtemp(room));
    return mount("tmpfs", room, "tmpfs", 0, "size=64m") == 0 ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    return umount2(room, MNT_DETACH) == 0 && rmdir(room) == 0 ? 0 : -1;
}

/* A file of so many bytes; fewer where there is no room for them. */
static void fill(const char *name, size_t bytes) {
    static const char piece[4096] = "full";
    char path[128];
    text_format(path, sizeof(path), "%s/%s", room, name);
    auto_clean(fd_clean) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    while (bytes > 0) {
        ssize_t length = write(fd, piece, bytes < sizeof(piece) ? bytes : sizeof(piece));
        if (length <= 0)
            return;
        bytes -= (size_t)length;
    }
}

static void clear(const char *name) {
    char path[128];
    text_format(path, sizeof(path), "%s/%s", room, name);
    assert_int_equal(unlink(path), 0);
}

static struct store *open_store(void) {
    char path[128];
    struct error err = {0};
    text_format(path, sizeof(path), "%s/store.sqlite", room);
    struct store *store = store_open(path, "upstream", &err);
    if (!store)
        fail_msg("%s", err.text);
    return store;
}

/* So many rows, one after the other, of which each is committed. */
static int commit(struct store *store, size_t from, size_t rows) {
    struct error err = {0};
    for (size_t i = 0; i < rows; i++) {
        struct vm vm = {.generation = i};
        text_format(vm.id, sizeof(vm.id), "vm-%026zu", from + i);
        struct record record = {&vm_table, memory_copy(&vm, sizeof(vm))};
        store_put(store, &record);
        if (store_commit(store, &err))
            return err.code;
    }
    return 0;
}

static void a_store_on_a_full_disk_writes_on_by_what_is_kept_for_it(void **state) {
    (void)state;
    struct store *store = open_store();
    assert_int_equal(commit(store, 0, 10), 0);
    assert_true(store_has_room(store));
    fill("vm", disk_mib * mib);
    assert_false(store_has_room(store));
    assert_int_equal(commit(store, 10, 1000), 0); /* far more than fits into what was there */
    store_close(store);
    store = open_store(); /* it starts all the same */
    assert_int_equal(commit(store, 2000, 100), 0);
    assert_false(store_has_room(store));
    clear("vm");
    assert_true(store_has_room(store));
    fill("vm", disk_mib * mib);
    assert_int_equal(commit(store, 3000, 1000), 0); /* it is kept again */
    store_close(store);
}

static void a_disk_that_stays_full_ends_the_store_with_words(void **state) {
    (void)state;
    struct store *store = open_store();
    assert_true(store_has_room(store));
    fill("vm", disk_mib * mib);
    for (size_t i = 0; i < 100; i++) {
        int failed = commit(store, i * 1000, 1000);
        fill("more", disk_mib * mib);
        if (!failed)
            continue;
        assert_int_equal(failed, -ENOSPC);
        store_close(store);
        return;
    }
    fail_msg("there is always room");
}

static void what_is_offered_is_what_is_free_and_what_ours_holds(void **state) {
    (void)state;
    char vms[80];
    struct disk disk;
    struct error err = {0};
    struct host_machine before = {0}, now = {0};
    text_format(vms, sizeof(vms), "%s/vms", room);
    assert_int_equal(folder_make(vms, 0700, &err), 0);
    assert_int_equal(host_machine_look(vms, 0, &before, &err), 0);
    fill("vms/disk", 20 * mib);
    assert_int_equal(host_machine_look(vms, 0, &now, &err), 0);
    assert_true(now.disk_bytes + mib > before.disk_bytes);
    assert_true(now.disk_bytes < before.disk_bytes + mib);
    fill("other", 20 * mib);
    assert_int_equal(host_machine_look(vms, 0, &now, &err), 0);
    assert_true(now.disk_bytes + 19 * mib < before.disk_bytes);
    assert_false(now.is_full);
    fill("more", 21 * mib);
    assert_int_equal(host_machine_look(vms, 0, &now, &err), 0);
    assert_true(now.is_full);
    assert_int_equal(disk_measure(room, &disk, &err), 0);
    assert_true(disk.free_bytes < disk_usual_reserve(&disk));
    clear("more");
    assert_int_equal(host_machine_look(vms, 0, &now, &err), 0);
    assert_false(now.is_full);
    assert_int_equal(host_machine_look(vms, 1, &now, &err), 0); /* of 64 MiB */
    assert_true(now.is_full);
}

static void an_offer_leaves_the_reserve(void **state) {
    (void)state;
    const struct host_machine machine = {.cpus = 4, .memory_mib = 4096,
                                         .disk_bytes = UINT64_C(100) << 30,
                                         .reserve_bytes = UINT64_C(10) << 30};
    const struct size all = host_machine_lend(&machine, (struct size){0}, (struct size){0});
    assert_int_equal(all.disk_gib, 90);
    assert_int_equal(all.memory_mib, 4096 - 204);
    assert_int_equal(
        host_machine_lend(&machine, (struct size){0}, (struct size){.disk_gib = 30}).disk_gib, 70);
    const struct size wanted = {.memory_mib = 5000, .disk_gib = 500};
    const struct size given = host_machine_lend(&machine, wanted, (struct size){0});
    assert_int_equal(given.disk_gib, 500);
    assert_int_equal(given.memory_mib, 5000);
}

static void the_log_of_a_console_gives_back_its_older_part(void **state) {
    (void)state;
    char path[128], vms[80];
    struct stat about;
    struct error err = {0};
    text_format(vms, sizeof(vms), "%s/vms", room);
    text_format(path, sizeof(path), "%s/vms/vm-1", room);
    assert_int_equal(folder_make(path, 0700, &err), 0);
    fill("vms/vm-1/console.log", 30 * mib);
    host_consoles_trim(vms);
    text_format(path, sizeof(path), "%s/vms/vm-1/console.log", room);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_size, 30 * mib); /* whoever writes goes on at the end */
    assert_true(about.st_blocks * 512 <= 2 * mib);
    fill("vms/vm-1/console.log", 3 * mib);
    host_consoles_trim(vms);
    assert_int_equal(stat(path, &about), 0);
    assert_true(about.st_blocks * 512 >= 3 * mib); /* small enough */
}

static void who_writes_leaves_what_is_kept(void **state) {
    (void)state;
    struct error err = {0};
    auto_clean(fd_clean) int fd = open(room, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct disk_guard guard = {.fd = fd, .reserve_bytes = 60 * mib};
    assert_int_equal(disk_guard_take(&guard, 3 * mib, &err), 0);
    assert_int_equal(disk_guard_take(&guard, 5 * mib, &err), -ENOSPC);
    assert_non_null(strstr(err.text, "free some space"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_store_on_a_full_disk_writes_on_by_what_is_kept_for_it,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_disk_that_stays_full_ends_the_store_with_words, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_offered_is_what_is_free_and_what_ours_holds, set_up,
                                        tear_down),
        cmocka_unit_test(an_offer_leaves_the_reserve),
        cmocka_unit_test_setup_teardown(the_log_of_a_console_gives_back_its_older_part, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_writes_leaves_what_is_kept, set_up, tear_down),
    };
    enum { skipped = 77 }; /* to meson */
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        (void)printf("no file system of our own may be mounted here: %s\n", strerror(errno));
        return skipped;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
