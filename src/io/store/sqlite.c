/* One table of rows by kind and key, in SQLite with a write-ahead log that is synced at each
 * commit. A file of another daemon, of a newer schema, or in use is refused. */
#include "io/store/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "message/codec.h"
#include "message/stored.h"

enum statement {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_PUT,
    STATEMENT_DELETE,
    STATEMENT_LOAD,
    STATEMENT_COUNT,
};

struct store {
    sqlite3 *sqlite;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    struct text body; /* of the record being put */
    char *path;
};

static const char *const statement_texts[STATEMENT_COUNT] = {
    [STATEMENT_BEGIN] = "BEGIN",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_PUT] = "REPLACE INTO record (kind, key, body) VALUES (?1, ?2, ?3)",
    [STATEMENT_DELETE] = "DELETE FROM record WHERE kind = ?1 AND key = ?2",
    [STATEMENT_LOAD] = "SELECT key, body FROM record WHERE kind = ?1 ORDER BY key",
};

/* "isth", marks our files among all SQLite files. */
enum { application = 0x69737468 };

/* migrations[n] takes a file from schema n to n + 1. An entry that was released never changes. */
static const char *const migrations[] = {
    ("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
     "CREATE TABLE record (kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL,"
     " PRIMARY KEY (kind, key)) WITHOUT ROWID;"),
};

static int store_fault(const struct store *store, const char *tried, struct error *err) {
    switch (sqlite3_errcode(store->sqlite) & 0xff) {
    case SQLITE_BUSY:
        return error_set(err, -EBUSY,
                         "%s %s: another isthmus daemon uses this folder; stop it, or give this "
                         "one a folder of its own ([daemon] state)", tried, store->path);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return error_set(err, -EIO, "%s %s: the file is damaged (%s); restore it from a backup, "
                         "or move it away to begin anew", tried, store->path,
                         sqlite3_errmsg(store->sqlite));
    case SQLITE_FULL:
        return error_set(err, -ENOSPC, "%s %s: the disk is full; free some space and start again",
                         tried, store->path);
    default:
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

/* Is it ours, of this daemon, and not newer than we are? *out_version is its schema, 0 if new. */
static int store_identify(struct store *store, const char *daemon, long *out_version,
                          struct error *err) {
    long objects = 0, mark = 0;
    auto_clean(text_deinit) struct text found = {0};
    if (store_ask_number(store, "SELECT count(*) FROM sqlite_schema", &objects, err) ||
        store_ask_number(store, "PRAGMA application_id", &mark, err) ||
        store_ask_number(store, "PRAGMA user_version", out_version, err))
        return err->code;
    if (!objects && !mark && !*out_version)
        return 0;
    if (mark != application)
        return error_set(err, -EINVAL, "open %s: it is not a file of Isthmus; give [daemon] state "
                         "another folder, or move the file away", store->path);
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

static int store_prepare(struct store *store, struct error *err) {
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        if (sqlite3_prepare_v3(store->sqlite, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &store->statements[i], NULL) != SQLITE_OK)
            return store_fault(store, "read", err);
    return 0;
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
    if (store_run(store, "PRAGMA synchronous = FULL", err) ||
        store_migrate(store, daemon, version, err))
        return err->code;
    return store_prepare(store, err);
}

static void store_clean(struct store **store) { store_close(*store); }

struct store *store_open(const char *path, const char *daemon, struct error *err) {
    auto_clean(store_clean) struct store *store = memory_new(1, sizeof(*store));
    store->path = memory_text(path);
    /* Made by us, because SQLite's own mode lets the group read; -wal takes it over. */
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        (void)close(fd);
    } else if (errno != EEXIST) {
        error_set(err, -errno, "open %s: %s; check the folder and its permissions", path,
                  strerror(errno));
        return NULL;
    }
    if (sqlite3_open_v2(path, &store->sqlite, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK) {
        store_fault(store, "open", err);
        return NULL;
    }
    if (store_set_up(store, daemon, err))
        return NULL;
    return take(store);
}

void store_close(struct store *store) {
    if (!store)
        return;
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        (void)sqlite3_finalize(store->statements[i]);
    (void)sqlite3_close(store->sqlite);
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

int store_begin(struct store *store, struct error *err) {
    return store_step(store, STATEMENT_BEGIN, err);
}

int store_commit(struct store *store, struct error *err) {
    return store_step(store, STATEMENT_COMMIT, err);
}

/* The first field of a stored table is its key. */
static const char *record_key(const struct record *record) {
    assert(record->table->fields[0].kind == FIELD_TEXT);
    return (const char *)record->data + record->table->fields[0].offset;
}

static void store_bind(sqlite3_stmt *statement, int place, const char *text) {
    (void)sqlite3_bind_text(statement, place, text, -1, SQLITE_STATIC);
}

static int store_write(struct store *store, enum statement which, const struct record *record,
                       struct error *err) {
    sqlite3_stmt *statement = store->statements[which];
    store_bind(statement, 1, record->table->name);
    store_bind(statement, 2, record_key(record));
    if (which == STATEMENT_PUT)
        store_bind(statement, 3, text_data(&store->body));
    int result = store_step(store, which, err);
    (void)sqlite3_clear_bindings(statement);
    return result;
}

int store_put(struct store *store, const struct record *record, struct error *err) {
    text_clear(&store->body);
    codec_encode(record->table, record->data, FIELD_STORE, &store->body);
    return store_write(store, STATEMENT_PUT, record, err);
}

int store_delete(struct store *store, const struct record *record, struct error *err) {
    return store_write(store, STATEMENT_DELETE, record, err);
}

static int store_decode(struct store *store, const struct table *table, void *data,
                        struct error *err) {
    sqlite3_stmt *row = store->statements[STATEMENT_LOAD];
    const char *body = (const char *)sqlite3_column_text(row, 1);
    struct codec_fault fault;
    if (codec_decode(table,
                     &(struct codec_input){body, (size_t)sqlite3_column_bytes(row, 1), FIELD_STORE,
                                           CODEC_IGNORE_UNKNOWN},
                     data, &fault) == 0)
        return 0;
    return error_set(err, -EINVAL, "read %s: the %s %s is damaged, field \"%s\": %s; restore the "
                     "file from a backup", store->path, table->name,
                     (const char *)sqlite3_column_text(row, 0), fault.field, fault.text);
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
        result = store_decode(store, table, data, err);
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
