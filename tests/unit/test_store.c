/* The store on real files: what was committed is there after reopening, in order; what is not
 * ours, too new, damaged or taken is refused with a remedy. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/os/folder.h"
#include "io/store/store.h"
#include "message/model.h"

struct room {
    char folder[64];
    char path[96];
    struct text loaded; /* "table key;" of each record */
};

static int set_up(void **state) {
    struct room *room = memory_new(1, sizeof(*room));
    text_format(room->folder, sizeof(room->folder), "/tmp/isthmus-store-XXXXXX");
    assert_non_null(mkdtemp(room->folder));
    text_format(room->path, sizeof(room->path), "%s/store.sqlite", room->folder);
    *state = room;
    return 0;
}

static int tear_down(void **state) {
    struct room *room = *state;
    assert_int_equal(folder_remove(room->folder, NULL), 0);
    text_deinit(&room->loaded);
    memory_free(room);
    return 0;
}

static struct store *open_store(struct room *room) {
    struct error err = {0};
    struct store *store = store_open(room->path, "upstream", &err);
    if (!store)
        fail_msg("%s", err.text);
    return store;
}

static void on_record(void *context, const struct record *record) {
    struct room *room = context;
    text_addf(&room->loaded, "%s %s;", record->table->name,
              (const char *)record->data + record->table->fields[0].offset);
}

static const char *load(struct room *room, struct store *store) {
    struct error err = {0};
    text_clear(&room->loaded);
    if (store_load(store, on_record, room, &err))
        fail_msg("%s", err.text);
    return text_data(&room->loaded);
}

static struct tenant tenant_named(const char *name) {
    struct tenant tenant = {.created_ms = 7};
    text_format(tenant.name, sizeof(tenant.name), "%s", name);
    memset(tenant.token_hash, 'a', limit_digest_size - 1);
    return tenant;
}

static void put_tenant(struct store *store, const char *name) {
    struct tenant tenant = tenant_named(name);
    struct record record = {.table = &tenant_table, .data = &tenant};
    assert_int_equal(store_put(store, &record, NULL), 0);
}

static void what_was_committed_is_loaded_in_order(void **state) {
    struct room *room = *state;
    struct store *store = open_store(room);
    struct image image = {.name = "tiny", .disk_gib = 1, .architecture = "x86_64"};
    memset(image.digest, 'b', limit_digest_size - 1);
    assert_int_equal(store_begin(store, NULL), 0);
    put_tenant(store, "zoe");
    put_tenant(store, "ada");
    assert_int_equal(
        store_put(store, &(struct record){.table = &image_table, .data = &image}, NULL), 0);
    assert_int_equal(store_commit(store, NULL), 0);
    store_close(store);
    store = open_store(room);
    assert_string_equal(load(room, store), "image tiny;tenant ada;tenant zoe;");
    store_close(store);
}

static void compare_tenant(void *context, const struct record *record) {
    const struct tenant *expected = context;
    assert_true(record_equal(&tenant_table, record->data, expected));
}

static void a_record_put_again_is_replaced_whole(void **state) {
    struct room *room = *state;
    struct store *store = open_store(room);
    struct tenant tenant = tenant_named("ada");
    tenant.created_ms = 8;
    assert_int_equal(store_begin(store, NULL), 0);
    put_tenant(store, "ada");
    assert_int_equal(
        store_put(store, &(struct record){.table = &tenant_table, .data = &tenant}, NULL), 0);
    assert_int_equal(store_commit(store, NULL), 0);
    assert_string_equal(load(room, store), "tenant ada;");
    assert_int_equal(store_load(store, compare_tenant, &tenant, NULL), 0);
    store_close(store);
}

static void a_deleted_record_is_gone_and_deleting_again_does_no_harm(void **state) {
    struct room *room = *state;
    struct store *store = open_store(room);
    struct tenant tenant = tenant_named("ada");
    const struct record record = {.table = &tenant_table, .data = &tenant};
    assert_int_equal(store_begin(store, NULL), 0);
    put_tenant(store, "ada");
    put_tenant(store, "zoe");
    assert_int_equal(store_delete(store, &record, NULL), 0);
    assert_int_equal(store_delete(store, &record, NULL), 0);
    assert_int_equal(store_commit(store, NULL), 0);
    assert_string_equal(load(room, store), "tenant zoe;");
    store_close(store);
}

enum killed { BEFORE_COMMIT, AFTER_COMMIT };

/* The child dies like a daemon that is killed: nothing is closed. */
static void run_killed(struct room *room, enum killed when) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        struct store *store = open_store(room);
        (void)store_begin(store, NULL);
        put_tenant(store, when == AFTER_COMMIT ? "kept" : "lost");
        if (when == AFTER_COMMIT && store_commit(store, NULL))
            _exit(1);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_killed_process_keeps_its_commits_and_nothing_else(void **state) {
    struct room *room = *state;
    run_killed(room, AFTER_COMMIT);
    run_killed(room, BEFORE_COMMIT);
    struct store *store = open_store(room);
    assert_string_equal(load(room, store), "tenant kept;");
    store_close(store);
}

static void a_failed_write_is_told(void **state) {
    struct room *room = *state;
    struct store *store = open_store(room);
    struct error err = {0};
    assert_int_equal(store_begin(store, NULL), 0);
    assert_true(store_begin(store, &err) < 0); /* SQLite refuses a second one */
    assert_non_null(strstr(err.text, room->path));
    store_close(store);
}

static void only_the_owner_may_read_the_file(void **state) {
    struct room *room = *state;
    struct store *store = open_store(room);
    assert_int_equal(store_begin(store, NULL), 0);
    put_tenant(store, "ada");
    assert_int_equal(store_commit(store, NULL), 0);
    char log[128];
    text_format(log, sizeof(log), "%s-wal", room->path);
    struct stat about;
    assert_int_equal(stat(room->path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(stat(log, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    store_close(store);
}

static void expect_refusal(struct room *room, const char *daemon, const char *words) {
    struct error err = {0};
    assert_null(store_open(room->path, daemon, &err));
    if (!strstr(err.text, words) || !strstr(err.text, room->path))
        fail_msg("\"%s\" lacks \"%s\" or the path", err.text, words);
}

static void a_folder_in_use_is_refused(void **state) {
    struct room *room = *state;
    struct store *store = open_store(room);
    expect_refusal(room, "upstream", "another isthmus daemon uses this folder");
    store_close(store);
    store_close(open_store(room));
}

static void the_file_of_another_daemon_is_refused(void **state) {
    struct room *room = *state;
    store_close(open_store(room));
    expect_refusal(room, "agent", "belongs to isthmus-upstream");
}

static void patch(struct room *room, off_t at, const char *bytes, size_t length) {
    int fd = open(room->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(pwrite(fd, bytes, length, at), (ssize_t)length);
    assert_int_equal(close(fd), 0);
}

/* Places of the header, see https://www.sqlite.org/fileformat.html#the_database_header */
static void a_newer_schema_is_refused(void **state) {
    struct room *room = *state;
    store_close(open_store(room));
    patch(room, 60, "\0\0\0\x63", 4);
    expect_refusal(room, "upstream", "its schema is 99");
}

static void a_foreign_file_is_refused(void **state) {
    struct room *room = *state;
    store_close(open_store(room));
    patch(room, 68, "\1\2\3\4", 4);
    expect_refusal(room, "upstream", "not a file of Isthmus");
}

static void a_file_that_is_no_database_is_refused(void **state) {
    struct room *room = *state;
    for (off_t at = 0; at < 4096; at += 16)
        patch(room, at, "this is no store", 16);
    expect_refusal(room, "upstream", "damaged");
}

static void a_record_that_cannot_be_read_is_named(void **state) {
    struct room *room = *state;
    struct store *store = open_store(room);
    struct tenant tenant = {.name = "ada", .token_hash = "not a digest"};
    struct error err = {0};
    assert_int_equal(store_begin(store, NULL), 0);
    assert_int_equal(
        store_put(store, &(struct record){.table = &tenant_table, .data = &tenant}, NULL), 0);
    assert_int_equal(store_commit(store, NULL), 0);
    assert_true(store_load(store, on_record, room, &err) < 0);
    assert_non_null(strstr(err.text, "tenant ada is damaged"));
    assert_string_equal(text_data(&room->loaded), "");
    store_close(store);
}

static void a_missing_folder_is_refused(void **state) {
    struct room *room = *state;
    text_format(room->path, sizeof(room->path), "%s/none/store.sqlite", room->folder);
    expect_refusal(room, "upstream", "No such file");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_committed_is_loaded_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_record_put_again_is_replaced_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_deleted_record_is_gone_and_deleting_again_does_no_harm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_killed_process_keeps_its_commits_and_nothing_else, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_failed_write_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_the_owner_may_read_the_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_in_use_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_file_of_another_daemon_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_newer_schema_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_foreign_file_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_database_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_record_that_cannot_be_read_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_folder_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
