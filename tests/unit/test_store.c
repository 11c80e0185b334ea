/* The store on real files: what was committed is there after reopening, in order; what is not
 * ours, too new, damaged or taken is refused with a remedy. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/memory.h"
#include "base/prng.h"
#include "base/text.h"
#include "io/os/folder.h"
#include "io/store/store.h"
#include "message/codec.h"
#include "message/model.h"
#include "message/records/tenant.h"

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

static void put(struct store *store, const struct table *table, const void *data) {
    struct record record = record_copy(table, data);
    store_put(store, &record);
    assert_null(record.data);
}

static void put_tenant(struct store *store, const char *name) {
    struct tenant tenant = tenant_named(name);
    put(store, &tenant_table, &tenant);
}

static void what_was_committed_is_loaded_in_order(void **state) {
    struct room *room = *state;
    struct store *store = open_store(room);
    struct image image = {.name = "tiny", .disk_gib = 1, .architecture = "x86_64"};
    memset(image.digest, 'b', limit_digest_size - 1);
    put_tenant(store, "zoe");
    put_tenant(store, "ada");
    put(store, &image_table, &image);
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
    put_tenant(store, "ada");
    put(store, &tenant_table, &tenant);
    assert_int_equal(store_commit(store, NULL), 0);
    assert_string_equal(load(room, store), "tenant ada;");
    assert_int_equal(store_load(store, compare_tenant, &tenant, NULL), 0);
    store_close(store);
}

static void delete(struct store *store, const struct tenant *tenant) {
    struct record record = record_copy(&tenant_table, tenant);
    store_delete(store, &record);
}

static void a_deleted_record_is_gone_and_deleting_again_does_no_harm(void **state) {
    struct room *room = *state;
    struct store *store = open_store(room);
    struct tenant tenant = tenant_named("ada");
    put_tenant(store, "ada");
    put_tenant(store, "zoe");
    delete(store, &tenant);
    assert_int_equal(store_commit(store, NULL), 0);
    assert_string_equal(load(room, store), "tenant zoe;");
    delete(store, &tenant);
    assert_int_equal(store_commit(store, NULL), 0);
    assert_string_equal(load(room, store), "tenant zoe;");
    delete(store, &tenant);
    put_tenant(store, "ada"); /* the last word counts */
    assert_int_equal(store_commit(store, NULL), 0);
    assert_string_equal(load(room, store), "tenant ada;tenant zoe;");
    store_close(store);
}

enum killed { BEFORE_COMMIT, AFTER_COMMIT };

/* The child dies like a daemon that is killed: nothing is closed. */
static void run_killed(struct room *room, enum killed when) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        struct store *store = open_store(room);
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

/* As on a disk that takes no more. */
static void a_failed_commit_is_told_and_leaves_nothing(void **state) {
    struct room *room = *state;
    struct store *store = open_store(room);
    struct rlimit before, small = {0};
    struct error err = {0};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    put_tenant(store, "ada");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int result = store_commit(store, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    assert_true(result < 0);
    assert_non_null(strstr(err.text, room->path));
    store_close(store);
    store = open_store(room);
    assert_string_equal(load(room, store), "");
    store_close(store);
}

static void only_the_owner_may_read_the_file(void **state) {
    struct room *room = *state;
    struct store *store = open_store(room);
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

/* As the first release made it, with a row of its own. */
static void a_store_of_the_first_schema_is_read(void **state) {
    struct room *room = *state;
    sqlite3 *sqlite = NULL;
    static const char script[] =
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE record (kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL,"
        " PRIMARY KEY (kind, key)) WITHOUT ROWID;"
        "PRAGMA user_version = 1; PRAGMA application_id = 1769174120;"
        "INSERT INTO meta VALUES ('daemon', 'upstream');"
        "INSERT INTO record VALUES ('tenant', 'ada', '{\"name\":\"ada\",\"created_ms\":7}');";
    assert_int_equal(sqlite3_open(room->path, &sqlite), SQLITE_OK);
    assert_int_equal(sqlite3_exec(sqlite, script, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(sqlite), SQLITE_OK);
    struct tenant tenant = {.name = "ada", .created_ms = 7};
    struct store *read = store_open_to_read(room->path, "upstream", NULL);
    assert_string_equal(load(room, read), "tenant ada;");
    store_close(read);
    for (int round = 0; round < 2; round++) {
        struct store *store = open_store(room);
        assert_string_equal(load(room, store), "tenant ada;");
        assert_int_equal(store_load(store, compare_tenant, &tenant, NULL), 0);
        put(store, &tenant_table, &tenant); /* in the packed form from now on */
        assert_int_equal(store_commit(store, NULL), 0);
        store_close(store);
    }
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
    put(store, &tenant_table, &tenant);
    assert_int_equal(store_commit(store, NULL), 0);
    assert_true(store_load(store, on_record, room, &err) < 0);
    assert_non_null(strstr(err.text, "tenant ada is damaged"));
    assert_string_equal(text_data(&room->loaded), "");
    store_close(store);
}

/* As after a power cut that took what was never synced, or by somebody's `> store.sqlite`. */
static void an_emptied_file_is_refused_and_kept(void **state) {
    struct room *room = *state;
    struct stat about;
    store_close(open_store(room));
    for (off_t length = 511; length >= 0; length = length > 1 ? length / 2 : length - 1) {
        assert_int_equal(truncate(room->path, length), 0);
        expect_refusal(room, "upstream", "was emptied");
        assert_int_equal(stat(room->path, &about), 0);
        assert_int_equal(about.st_size, length);
    }
    assert_int_equal(truncate(room->path, 4096), 0);
    expect_refusal(room, "upstream", "damaged");
}

static void put_file(struct room *room, const char *suffix, const char *bytes) {
    char path[128];
    text_format(path, sizeof(path), "%s%s", room->path, suffix);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_int_equal(write(fd, bytes, strlen(bytes)), (ssize_t)strlen(bytes));
    assert_int_equal(close(fd), 0);
}

static void a_log_whose_store_is_gone_is_refused(void **state) {
    struct room *room = *state;
    put_file(room, "-wal", "commits");
    expect_refusal(room, "upstream", "the file is gone");
    put_file(room, "-wal", "");
    put_file(room, "-journal", "commits");
    expect_refusal(room, "upstream", "the file is gone");
}

static void a_link_that_leads_nowhere_is_refused(void **state) {
    struct room *room = *state;
    assert_int_equal(symlink("/nowhere/store.sqlite", room->path), 0);
    expect_refusal(room, "upstream", "check what it leads to");
}

static void a_first_start_that_was_killed_is_made_again(void **state) {
    struct room *room = *state;
    put_file(room, ".making", "half of a st");
    put_file(room, ".making-journal", "half of a journal");
    struct store *store = open_store(room);
    assert_string_equal(load(room, store), "");
    store_close(store);
    only_the_owner_may_read_the_file(state);
}

enum { tenants_of_store = 40, flips = 600 };

static void commit_tenant(struct store *store, int number) {
    char name[16];
    text_format(name, sizeof(name), "tenant-%02d", number);
    put_tenant(store, name);
    assert_int_equal(store_commit(store, NULL), 0);
}

static void fill(struct room *room) {
    struct store *store = open_store(room);
    for (int i = 0; i < tenants_of_store; i++)
        commit_tenant(store, i);
    store_close(store);
}

static void on_whole_record(void *context, const struct record *record) {
    struct text *loaded = context;
    codec_encode(record->table, record->data, FIELD_STORE, loaded);
}

/* All that is in the store, "" with words in `err` when it is refused. */
static void load_whole(struct room *room, struct text *out, struct error *err) {
    struct store *store = store_open(room->path, "upstream", err);
    text_clear(out);
    if (store && store_load(store, on_whole_record, out, err))
        text_clear(out);
    store_close(store);
}

static void set_file(const char *path, const struct text *bytes) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, bytes->data, bytes->length), (ssize_t)bytes->length);
    assert_int_equal(close(fd), 0);
}

static void get_file(const char *path, struct text *out) {
    static char bytes[1 << 21];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = read(fd, bytes, sizeof(bytes));
    assert_in_range(length, 1, sizeof(bytes) - 1);
    assert_int_equal(close(fd), 0);
    text_add_bytes(out, bytes, (size_t)length);
}

static void whichever_bit_flips_it_is_refused_with_words_or_whole(void **state) {
    struct room *room = *state;
    auto_clean(text_deinit) struct text good = {0}, file = {0}, found = {0};
    struct prng prng;
    size_t refused = 0;
    fill(room);
    load_whole(room, &good, &(struct error){0});
    get_file(room->path, &file);
    prng_init(&prng, 1);
    for (size_t i = 0; i < flips; i++) {
        struct error err = {0};
        size_t at = prng_below(&prng, file.length);
        char bit = (char)(1 << prng_below(&prng, 8));
        file.data[at] ^= bit;
        set_file(room->path, &file);
        file.data[at] ^= bit;
        load_whole(room, &found, &err);
        if (err.code ? !strstr(err.text, room->path) : !text_equal(found.data, good.data))
            fail_msg("bit %d of byte %zu: \"%s\"", bit, at, err.text);
        refused += err.code != 0;
    }
    assert_in_range(refused, flips / 4, flips);
}

/* SQLite drops a commit of the log that is not as it was written, and all that follow. */
static void whichever_bit_of_the_log_flips_what_is_loaded_was_committed(void **state) {
    struct room *room = *state;
    auto_clean(text_deinit) struct text good = {0}, file = {0}, log = {0}, found = {0};
    struct prng prng;
    char path[128];
    text_format(path, sizeof(path), "%s-wal", room->path);
    fill(room);
    load_whole(room, &good, &(struct error){0});
    assert_int_equal(unlink(room->path), 0);
    store_close(open_store(room));
    get_file(room->path, &file);
    pid_t child = fork();
    if (!child) {
        struct store *store = open_store(room);
        for (int i = 0; i < tenants_of_store; i++)
            commit_tenant(store, i);
        _exit(0);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    get_file(path, &log);
    prng_init(&prng, 1);
    for (size_t i = 0; i < flips / 10; i++) {
        struct error err = {0};
        size_t at = prng_below(&prng, log.length);
        log.data[at] ^= 1;
        set_file(room->path, &file);
        set_file(path, &log);
        log.data[at] ^= 1;
        load_whole(room, &found, &err);
        if (err.code || strncmp(text_data(&good), text_data(&found), found.length) != 0)
            fail_msg("byte %zu of the log: \"%s\"", at, err.text);
    }
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
        cmocka_unit_test_setup_teardown(a_failed_commit_is_told_and_leaves_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(only_the_owner_may_read_the_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_in_use_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_file_of_another_daemon_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_newer_schema_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_store_of_the_first_schema_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_foreign_file_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_database_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_record_that_cannot_be_read_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_emptied_file_is_refused_and_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_log_whose_store_is_gone_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_link_that_leads_nowhere_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_first_start_that_was_killed_is_made_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(whichever_bit_flips_it_is_refused_with_words_or_whole,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(whichever_bit_of_the_log_flips_what_is_loaded_was_committed,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_folder_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
