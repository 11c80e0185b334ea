/* One table of rows by kind and key, in SQLite with a write-ahead log that is synced at each
 * commit. A file of another daemon, of a newer schema, or in use is refused, and so is one that is
 * not as we left it: each row carries a sum of its own, and SQLite looks through the pages.
 *
 * A file is made beside its place and renamed into it, so that one which stands there has been a
 * whole store: where it is empty, somebody has emptied it. */
#include "io/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/os/folder.h"
#include "io/store/reserve.h"
#include "message/codec/pack.h"
#include "message/codec/unpack.h"
#include "message/pending.h"
#include "message/stored.h"

enum statement {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_ROLLBACK,
    STATEMENT_PUT,
    STATEMENT_DELETE,
    STATEMENT_LOAD,
    STATEMENT_GET,
    STATEMENT_COUNT,
};

struct store {
    sqlite3 *sqlite;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    struct pending pending;
    struct reserve reserve;
    struct text body; /* of the record being put */
    char *path;
};

static const char *const statement_texts[STATEMENT_COUNT] = {
    [STATEMENT_BEGIN] = "BEGIN",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_ROLLBACK] = "ROLLBACK",
    [STATEMENT_PUT] = ("REPLACE INTO record (kind, key, body, sum)"
                       " VALUES (?1, ?2, ?3, row_sum(?1, ?2, ?3))"),
    [STATEMENT_DELETE] = "DELETE FROM record WHERE kind = ?1 AND key = ?2",
    [STATEMENT_LOAD] = "SELECT key, body FROM record WHERE kind = ?1 ORDER BY key",
    [STATEMENT_GET] = "SELECT key, body FROM record WHERE kind = ?1 AND key = ?2",
};

/* "isth", marks our files among all SQLite files. */
enum { application = 0x69737468 };

/* migrations[n] takes a file from schema n to n + 1. An entry that was released never changes. */
static const char *const migrations[] = {
    ("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
     "CREATE TABLE record (kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL,"
     " PRIMARY KEY (kind, key)) WITHOUT ROWID;"),
    ("ALTER TABLE record ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;"
     "UPDATE record SET sum = row_sum(kind, key, body);"),
    "", /* bodies may be in the packed form */
};

/* A file that SQLite has written is one page at the least. */
enum { smallest_page_bytes = 512 };

static const char *const what_to_do =
    "restore the file from a backup, or move it away to begin anew";

static int store_full(const struct store *store, const char *tried, struct error *err) {
    return error_set(err, -ENOSPC, "%s %s: the disk is full; free some space and start again",
                     tried, store->path);
}

static int store_fault(const struct store *store, const char *tried, struct error *err) {
    switch (sqlite3_errcode(store->sqlite) & 0xff) {
    case SQLITE_BUSY:
        return error_set(err, -EBUSY,
                         "%s %s: another isthmus daemon uses this folder; stop it, or give this "
                         "one a folder of its own ([daemon] state)", tried, store->path);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return error_set(err, -EIO, "%s %s: the file is damaged (%s); %s", tried, store->path,
                         sqlite3_errmsg(store->sqlite), what_to_do);
    case SQLITE_FULL:
        return store_full(store, tried, err);
    default:
        if (sqlite3_system_errno(store->sqlite) == ENOSPC)
            return store_full(store, tried, err);
        return error_set(err, -EIO, "%s %s: %s; check the disk and the folder's permissions",
                         tried, store->path, sqlite3_errmsg(store->sqlite));
    }
}

static int store_run(struct store *store, const char *text, struct error *err) {
    if (sqlite3_exec(store->sqlite, text, NULL, NULL, NULL) != SQLITE_OK)
        return store_fault(store, "write", err);
    return 0;
}

/* The first column of the first row, "" without one. */
static int store_ask(struct store *store, const char *question, struct text *out,
                     struct error *err) {
    sqlite3_stmt *statement = NULL;
    text_clear(out);
    if (sqlite3_prepare_v2(store->sqlite, question, -1, &statement, NULL) != SQLITE_OK)
        return store_fault(store, "read", err);
    int step = sqlite3_step(statement);
    if (step == SQLITE_ROW && sqlite3_column_text(statement, 0))
        text_add(out, (const char *)sqlite3_column_text(statement, 0));
    int result = step == SQLITE_ROW || step == SQLITE_DONE ? 0 : store_fault(store, "read", err);
    (void)sqlite3_finalize(statement);
    return result;
}

static int store_ask_number(struct store *store, const char *question, long *out_number,
                            struct error *err) {
    auto_clean(text_deinit) struct text number = {0};
    int result = store_ask(store, question, &number, err);
    *out_number = strtol(text_data(&number), NULL, 10);
    return result;
}

/* Is it ours, of this daemon, and not newer than we are? *out_version is its schema. */
static int store_identify(struct store *store, const char *daemon, long *out_version,
                          struct error *err) {
    long mark = 0;
    auto_clean(text_deinit) struct text found = {0};
    if (store_ask_number(store, "PRAGMA application_id", &mark, err) ||
        store_ask_number(store, "PRAGMA user_version", out_version, err))
        return err->code;
    if (mark != application)
        return error_set(err, -EINVAL, "open %s: it is not a file of Isthmus; give [daemon] state "
                         "another folder, or move the file away", store->path);
    if (*out_version < 1)
        return error_set(err, -EIO, "open %s: the file is damaged (its schema is %ld); %s",
                         store->path, *out_version, what_to_do);
    if (*out_version > (long)array_size(migrations))
        return error_set(err, -EINVAL, "open %s: its schema is %ld, this program knows up to %zu; "
                         "start the newer isthmus-%s that wrote it", store->path, *out_version,
                         array_size(migrations), daemon);
    if (store_ask(store, "SELECT value FROM meta WHERE name = 'daemon'", &found, err))
        return err->code;
    if (!text_equal(text_data(&found), daemon))
        return error_set(err, -EINVAL, "open %s: it belongs to isthmus-%s, not to isthmus-%s; give "
                         "each daemon a folder of its own ([daemon] state)", store->path,
                         text_data(&found), daemon);
    return 0;
}

static int store_migrate(struct store *store, const char *daemon, long version,
                         struct error *err) {
    for (size_t i = (size_t)version; i < array_size(migrations); i++) {
        auto_clean(text_deinit) struct text script = {0};
        text_addf(&script, "BEGIN; %s PRAGMA user_version = %zu;", migrations[i], i + 1);
        if (i == 0)
            text_addf(&script, "PRAGMA application_id = %d;"
                      "INSERT INTO meta VALUES ('daemon', '%s');", application, daemon);
        text_add(&script, "COMMIT");
        if (store_run(store, text_data(&script), err))
            return error_wrap(err, "migrate to schema %zu", i + 1);
    }
    return 0;
}

/* row_sum(kind, key, body): the sum of a row, over its values, each with its length and type. */
static void row_sum(sqlite3_context *call, int count, sqlite3_value **values) {
    uint64_t sum = 0;
    for (int i = 0; i < count; i++) {
        sum += (uint64_t)sqlite3_value_type(values[i]); /* before it is read as another */
        const void *bytes = sqlite3_value_blob(values[i]);
        sum = map_hash(sum, bytes ? bytes : "", (size_t)sqlite3_value_bytes(values[i]));
    }
    sqlite3_result_int64(call, (sqlite3_int64)sum);
}

/* Are the pages in order, as far as SQLite can tell? It costs less than reading all rows, which
 * the start does anyhow. */
static int store_check_pages(struct store *store, struct error *err) {
    auto_clean(text_deinit) struct text found = {0};
    if (store_ask(store, "PRAGMA integrity_check(1)", &found, err))
        return err->code;
    if (text_equal(text_data(&found), "ok"))
        return 0;
    const char *end = strrchr(text_data(&found), '\n'); /* before it stands a heading */
    return error_set(err, -EIO, "read %s: the file is damaged (%s); %s", store->path,
                     end ? end + 1 : text_data(&found), what_to_do);
}

/* Is each row as it was written, of whatever kind it says that it is? */
static int store_check_rows(struct store *store, struct error *err) {
    auto_clean(text_deinit) struct text found = {0};
    if (store_ask(store, "SELECT format('%s %s', kind, key) FROM record"
                  " WHERE sum IS NOT row_sum(kind, key, body) LIMIT 1", &found, err))
        return err->code;
    if (!found.length)
        return 0;
    return error_set(err, -EIO, "read %s: the %s is damaged: it is not as it was written; %s",
                     store->path, text_data(&found), what_to_do);
}

static int store_prepare(struct store *store, enum statement which, struct error *err) {
    return sqlite3_prepare_v3(store->sqlite, statement_texts[which], -1, SQLITE_PREPARE_PERSISTENT,
                              &store->statements[which], NULL) == SQLITE_OK
               ? 0
               : store_fault(store, "read", err);
}

static int store_connect(struct store *store, struct error *err) {
    if (sqlite3_open_v2(store->path, &store->sqlite, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK ||
        sqlite3_create_function(store->sqlite, "row_sum", 3, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                NULL, row_sum, NULL, NULL) != SQLITE_OK)
        return store_fault(store, "open", err);
    return store_run(store, "PRAGMA cell_size_check = ON", err);
}

static int store_set_up(struct store *store, const char *daemon, struct error *err) {
    long version = 0;
    auto_clean(text_deinit) struct text mode = {0};
    /* The lock is taken by the first access and held until the file is closed. */
    if (store_run(store, "PRAGMA locking_mode = EXCLUSIVE", err) ||
        store_identify(store, daemon, &version, err) ||
        store_ask(store, "PRAGMA journal_mode = WAL", &mode, err))
        return err->code;
    if (!text_equal(text_data(&mode), "wal"))
        return error_set(err, -ENOTSUP, "open %s: SQLite cannot keep a write-ahead log there; use "
                         "a local file system for [daemon] state", store->path);
    /* A page is read once, at start, or for a person: 512 KiB are enough of a cache. */
    if (store_run(store, "PRAGMA cache_size = -512", err) ||
        store_run(store, "PRAGMA synchronous = FULL", err) || store_check_pages(store, err) ||
        store_migrate(store, daemon, version, err) || store_check_rows(store, err))
        return err->code;
    for (enum statement which = 0; which < STATEMENT_COUNT; which++)
        if (store_prepare(store, which, err))
            return err->code;
    return 0;
}

static void store_clean(struct store **store) { store_close(*store); }

static struct store *store_new(const char *path) {
    struct store *store = memory_new(1, sizeof(*store));
    store->path = memory_text(path);
    pending_init(&store->pending);
    reserve_init(&store->reserve, store->path);
    return store;
}

/* A whole store without rows, closed again. */
static int store_make(const char *path, const char *daemon, struct error *err) {
    auto_clean(store_clean) struct store *store = store_new(path);
    /* Made by us, because SQLite's own mode lets the group read; -wal takes it over. */
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(err, -errno, "make %s: %s; check the folder and its permissions", path,
                         strerror(errno));
    (void)close(fd);
    return store_connect(store, err) ? err->code : store_migrate(store, daemon, 0, err);
}

/* Nothing is at `path`: is that a beginning? What another one began and left is removed. */
static int store_may_begin(const char *path, const char *making, struct error *err) {
    static const char *const logs[] = {"-wal", "-journal"};
    for (size_t i = 0; i < array_size(logs); i++) {
        auto_clean(text_deinit) struct text left = {0}, begun = {0};
        struct stat about;
        text_addf(&left, "%s%s", path, logs[i]);
        text_addf(&begun, "%s%s", making, logs[i]);
        if (stat(text_data(&left), &about) == 0 && about.st_size)
            return error_set(err, -EIO, "open %s: the file is gone, and its log %s is there; "
                             "restore both from a backup, or move the log away to begin anew",
                             path, text_data(&left));
        (void)unlink(text_data(&begun));
    }
    (void)unlink(making);
    return 0;
}

/* Makes the store unless there is one, under a lock on its folder; refuses an emptied one. */
static int store_ensure(const char *path, const char *daemon, struct error *err) {
    auto_clean(text_deinit) struct text folder = {0}, making = {0};
    const char *slash = strrchr(path, '/');
    struct stat about;
    text_add_bytes(&folder, path, slash ? (size_t)(slash - path) + 1 : 0);
    text_addf(&making, "%s.making", path);
    auto_clean(fd_clean) int lock =
        open(folder.length ? text_data(&folder) : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0 || flock(lock, LOCK_EX) < 0)
        return error_set(err, -errno, "open %s: %s; check the folder and its permissions", path,
                         strerror(errno));
    if (lstat(path, &about) < 0 && errno == ENOENT)
        return store_may_begin(path, text_data(&making), err) ||
                       store_make(text_data(&making), daemon, err)
                   ? err->code
                   : folder_commit(text_data(&making), path, err);
    if (stat(path, &about) < 0)
        return error_set(err, -errno, "open %s: %s; check what it leads to", path, strerror(errno));
    if (S_ISREG(about.st_mode) && about.st_size < smallest_page_bytes)
        return error_set(err, -EIO, "open %s: the file was emptied: it has %lld bytes, and no "
                         "store is that small; %s", path, (long long)about.st_size, what_to_do);
    return 0;
}

struct store *store_open(const char *path, const char *daemon, struct error *err) {
    auto_clean(store_clean) struct store *store = store_new(path);
    if (store_ensure(path, daemon, err) || store_connect(store, err) ||
        store_set_up(store, daemon, err))
        return NULL;
    return take(store);
}

struct store *store_open_to_read(const char *path, const char *daemon, struct error *err) {
    auto_clean(store_clean) struct store *store = store_new(path);
    long version = 0;
    if (sqlite3_open_v2(path, &store->sqlite, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK) {
        store_fault(store, "open", err);
        return NULL;
    }
    if (store_identify(store, daemon, &version, err) ||
        store_prepare(store, STATEMENT_LOAD, err))
        return NULL;
    return take(store);
}

void store_close(struct store *store) {
    if (!store)
        return;
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        (void)sqlite3_finalize(store->statements[i]);
    (void)sqlite3_close(store->sqlite);
    pending_deinit(&store->pending);
    reserve_deinit(&store->reserve);
    text_deinit(&store->body);
    memory_free(store->path);
    memory_free(store);
}

static int store_step(struct store *store, enum statement which, struct error *err) {
    int step = sqlite3_step(store->statements[which]);
    int result = step == SQLITE_DONE ? 0 : store_fault(store, "write", err);
    (void)sqlite3_reset(store->statements[which]);
    return result;
}

void store_put(struct store *store, struct record *record) {
    pending_add(&store->pending, record, false);
}

void store_delete(struct store *store, struct record *record) {
    pending_add(&store->pending, record, true);
}

static void store_bind(sqlite3_stmt *statement, int place, const char *text) {
    (void)sqlite3_bind_text(statement, place, text, -1, SQLITE_STATIC);
}

static int store_write(struct store *store, const struct pending_row *row, struct error *err) {
    const struct record *record = &row->record;
    enum statement which = row->is_deletion ? STATEMENT_DELETE : STATEMENT_PUT;
    sqlite3_stmt *statement = store->statements[which];
    store_bind(statement, 1, record->table->name);
    store_bind(statement, 2, pending_key(record));
    if (!row->is_deletion) {
        text_clear(&store->body);
        codec_pack(record->table, record->data, FIELD_STORE, &store->body);
        (void)sqlite3_bind_blob(statement, 3, text_data(&store->body), (int)store->body.length,
                                SQLITE_STATIC);
    }
    int result = store_step(store, which, err);
    (void)sqlite3_clear_bindings(statement);
    return result;
}

static int store_write_all(struct store *store, struct error *err) {
    int failed = store_step(store, STATEMENT_BEGIN, err);
    list_for(const struct pending_row, row, &store->pending.rows, node) {
        if (!failed)
            failed = store_write(store, row, err);
    }
    return failed ? failed : store_step(store, STATEMENT_COMMIT, err);
}

/* A log that is short while there is no room for a long one. */
static void store_bound_log(struct store *store) {
    enum { usual_pages = 1000, few_pages = 50 };
    sqlite3_wal_autocheckpoint(store->sqlite, store->reserve.is_there ? usual_pages : few_pages);
}

/* Makes room on a full disk: what the log holds goes into the file, whose pages are there. */
static int store_make_room(struct store *store, struct error *err) {
    if (!sqlite3_get_autocommit(store->sqlite) && store_step(store, STATEMENT_ROLLBACK, err))
        return err->code;
    return sqlite3_wal_checkpoint_v2(store->sqlite, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL)
               ? store_fault(store, "write", err)
               : 0;
}

int store_commit(struct store *store, struct error *err) {
    struct error why = {0};
    if (list_is_empty(&store->pending.rows))
        return 0;
    int failed = store_write_all(store, &why);
    if (failed == -ENOSPC) {
        failed = store_make_room(store, &why);
        failed = failed ? failed : store_write_all(store, &why);
    }
    if (failed == -ENOSPC && reserve_give_up(&store->reserve)) {
        store_bound_log(store);
        failed = store_make_room(store, &why);
        failed = failed ? failed : store_write_all(store, &why);
    }
    if (!failed)
        pending_clear(&store->pending);
    else if (err)
        *err = why;
    return failed;
}

bool store_has_room(struct store *store) {
    bool has_room = reserve_has_room(&store->reserve);
    store_bound_log(store);
    return has_room;
}

static int store_decode(struct store *store, sqlite3_stmt *row, const struct record *record,
                        struct error *err) {
    const char *body = sqlite3_column_blob(row, 1);
    struct codec_fault fault;
    if (codec_read(record->table,
                   &(struct codec_input){body ? body : "", (size_t)sqlite3_column_bytes(row, 1),
                                         FIELD_STORE, CODEC_IGNORE_UNKNOWN},
                   record->data, &fault) == 0)
        return 0;
    return error_set(err, -EINVAL, "read %s: the %s %s is damaged, field \"%s\": %s; restore the "
                     "file from a backup", store->path, record->table->name,
                     (const char *)sqlite3_column_text(row, 0), fault.field, fault.text);
}

int store_get(struct store *store, struct record *record, struct error *err) {
    sqlite3_stmt *statement = store->statements[STATEMENT_GET];
    store_bind(statement, 1, record->table->name);
    store_bind(statement, 2, pending_key(record));
    int step = sqlite3_step(statement), result = 0;
    if (step == SQLITE_ROW)
        result = store_decode(store, statement, record, err) ? err->code : 1;
    else if (step != SQLITE_DONE)
        result = store_fault(store, "read", err);
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return result;
}

struct reader {
    void (*each)(void *context, const struct record *record);
    void *context;
};

static int store_load_table(struct store *store, const struct table *table,
                            const struct reader *reader, struct error *err) {
    sqlite3_stmt *statement = store->statements[STATEMENT_LOAD];
    auto_clean(memory_clean) void *data = memory_new(1, table->size);
    const struct record record = {.table = table, .data = data};
    int result = 0, step = SQLITE_DONE;
    store_bind(statement, 1, table->name);
    while (!result && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        result = store_decode(store, statement, &record, err);
        if (!result)
            reader->each(reader->context, &record);
        record_clear(table, data);
    }
    if (!result && step != SQLITE_DONE)
        result = store_fault(store, "read", err);
    (void)sqlite3_reset(statement);
    return result;
}

int store_load(struct store *store, void (*each)(void *context, const struct record *record),
               void *context, struct error *err) {
    const struct reader reader = {each, context};
    for (size_t i = 0; i < stored_tables_count; i++)
        if (store_load_table(store, stored_tables[i], &reader, err))
            return err->code;
    return 0;
}
