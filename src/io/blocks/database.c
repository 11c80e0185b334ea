/* How blocks are kept: one row each, which SQLite's log makes whole or absent whatever happens in
 * between; the file shrinks when they go. */
#include "io/blocks/database.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

enum {
    page_size = 16384, /* of the file: a compressed block lies on a few */
    application = 0x69736263, /* "isbc" */
    schema = 1,
};

struct blocks_database {
    sqlite3 *sqlite;
    sqlite3_stmt *statements[BLOCKS_QUERY_COUNT];
    char *path;
};

static const char *const queries[BLOCKS_QUERY_COUNT] = {
    [BLOCKS_BEGIN] = "BEGIN IMMEDIATE",
    [BLOCKS_COMMIT] = "COMMIT",
    [BLOCKS_ROLLBACK] = "ROLLBACK",
    [BLOCKS_BUCKET_ADD] = "INSERT OR IGNORE INTO bucket (name, key, secret)"
                          " VALUES (?1, ?2, ?3)",
    [BLOCKS_BUCKET_FIND] = "SELECT id, key, most, held, secret, admitted FROM bucket"
                           " WHERE name = ?1",
    [BLOCKS_BUCKET_ADMIT] = "UPDATE bucket SET admitted = ?1 WHERE id = ?2",
    [BLOCKS_BUCKET_BOUND] = "UPDATE bucket SET most = ?1 WHERE id = ?2",
    [BLOCKS_BUCKET_HOLDS] = "UPDATE bucket SET held = held + ?1 WHERE id = ?2",
    [BLOCKS_BUCKET_COUNT] = "SELECT count(*), total(length(bytes)) FROM block WHERE bucket = ?1",
    [BLOCKS_BUCKET_DROP] = "DELETE FROM bucket WHERE id = ?1",
    [BLOCKS_BUCKET_NEXT] = "SELECT id, name FROM bucket WHERE id > ?1 ORDER BY id LIMIT 1",
    [BLOCKS_BLOCK_ADD] = "INSERT OR IGNORE INTO block (bucket, digest, bytes)"
                         " VALUES (?1, ?2, ?3)",
    [BLOCKS_BLOCK_HAVE] = "SELECT 1 FROM block WHERE bucket = ?1 AND digest = ?2",
    [BLOCKS_BLOCK_GET] = "SELECT bytes FROM block WHERE bucket = ?1 AND digest = ?2",
    [BLOCKS_BLOCK_DROP] = "DELETE FROM block WHERE bucket = ?1 AND digest = ?2",
    [BLOCKS_ROOT_ADD] = "REPLACE INTO root (bucket, digest, bytes) VALUES (?1, ?2, ?3)",
    [BLOCKS_ROOT_GET] = "SELECT bytes FROM root WHERE bucket = ?1 AND digest = ?2",
    [BLOCKS_ROOTS] = "SELECT digest FROM root WHERE bucket = ?1",
    [BLOCKS_ROOT_DROP] = "DELETE FROM root WHERE bucket = ?1 AND digest = ?2",
    [BLOCKS_UNMARK] = "DELETE FROM temp.marked",
    [BLOCKS_MARK] = "INSERT OR IGNORE INTO temp.marked (digest) VALUES (?1)",
    [BLOCKS_SWEEP] = "DELETE FROM block WHERE bucket = ?1"
                     " AND digest NOT IN (SELECT digest FROM temp.marked)",
};

static const char tables[] =
    "CREATE TABLE IF NOT EXISTS bucket (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " key BLOB NOT NULL, secret BLOB NOT NULL, admitted TEXT NOT NULL DEFAULT '',"
    " most INTEGER NOT NULL DEFAULT 0, held INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE IF NOT EXISTS block (bucket INTEGER NOT NULL REFERENCES bucket(id)"
    " ON DELETE CASCADE, digest BLOB NOT NULL, bytes BLOB NOT NULL);"
    "CREATE UNIQUE INDEX IF NOT EXISTS block_digest ON block (bucket, digest);"
    "CREATE TABLE IF NOT EXISTS root (bucket INTEGER NOT NULL REFERENCES bucket(id)"
    " ON DELETE CASCADE, digest BLOB NOT NULL, bytes BLOB NOT NULL,"
    " PRIMARY KEY (bucket, digest));"
    "CREATE TEMP TABLE marked (digest BLOB PRIMARY KEY) WITHOUT ROWID;";

static int fault(struct blocks_database *database, const char *tried, struct error *err) {
    int code = sqlite3_errcode(database->sqlite) & 0xff;
    bool full = code == SQLITE_FULL || sqlite3_system_errno(database->sqlite) == ENOSPC;
    return error_set(err, full ? -ENOSPC : -EIO, "%s %s: %s%s", tried, database->path,
                     sqlite3_errmsg(database->sqlite),
                     full ? "; free some space"
                          : "; check the disk, or move the file away: copies begin anew");
}

static int run(struct blocks_database *database, const char *text, struct error *err) {
    return sqlite3_exec(database->sqlite, text, NULL, NULL, NULL) == SQLITE_OK
               ? 0
               : fault(database, "write", err);
}

static int64_t ask(struct blocks_database *database, const char *question) {
    sqlite3_stmt *statement = NULL;
    int64_t number = -1;
    if (sqlite3_prepare_v2(database->sqlite, question, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    return number;
}

/* A file of ours, or a new one. */
static int identify(struct blocks_database *database, struct error *err) {
    auto_clean(text_deinit) struct text begin = {0};
    if (ask(database, "PRAGMA page_count") <= 0) {
        text_addf(&begin, "PRAGMA page_size = %d; PRAGMA auto_vacuum = INCREMENTAL;"
                  "PRAGMA application_id = %d; PRAGMA user_version = %d;", page_size, application,
                  schema);
        return run(database, text_data(&begin), err);
    }
    if (ask(database, "PRAGMA application_id") != application ||
        ask(database, "PRAGMA user_version") != schema)
        return error_set(err, -EINVAL, "open %s: it is no block store that this program knows; "
                         "move it away: copies begin anew", database->path);
    return 0;
}

static int set_up(struct blocks_database *database, uint64_t most_bytes, struct error *err) {
    auto_clean(text_deinit) struct text bound = {0};
    /* Made by us, because SQLite's own mode lets the group read. */
    int fd = open(database->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(err, -errno, "make %s: %s", database->path, strerror(errno));
    (void)close(fd);
    if (sqlite3_open_v2(database->path, &database->sqlite,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        return fault(database, "open", err);
    if (run(database, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cell_size_check = ON;", err) ||
        identify(database, err) ||
        run(database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                      "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
                      "PRAGMA journal_size_limit = 16777216;", err) ||
        run(database, tables, err))
        return err->code;
    if (!most_bytes)
        return 0;
    text_addf(&bound, "PRAGMA max_page_count = %llu",
              (unsigned long long)(most_bytes / page_size + 1));
    return run(database, text_data(&bound), err);
}

struct blocks_database *blocks_database_open(const char *path, uint64_t most_bytes,
                                             struct error *err) {
    struct blocks_database *database = memory_new(1, sizeof(*database));
    struct error own = {0};
    database->path = memory_text(path);
    int failed = set_up(database, most_bytes, &own);
    for (size_t i = 0; !failed && i < BLOCKS_QUERY_COUNT; i++)
        if (sqlite3_prepare_v3(database->sqlite, queries[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &database->statements[i], NULL) != SQLITE_OK)
            failed = fault(database, "read", &own);
    if (!failed)
        return database;
    error_set(err, own.code, "%s", own.text);
    blocks_database_close(database);
    return NULL;
}

void blocks_database_close(struct blocks_database *database) {
    if (!database)
        return;
    for (size_t i = 0; i < BLOCKS_QUERY_COUNT; i++)
        (void)sqlite3_finalize(database->statements[i]);
    (void)sqlite3_close(database->sqlite);
    memory_free(database->path);
    memory_free(database);
}

struct block_use block_use(struct blocks_database *database, enum block_query query) {
    return (struct block_use){.database = database, .statement = database->statements[query]};
}

void block_use_number(struct block_use *use, int64_t number) {
    (void)sqlite3_bind_int64(use->statement, ++use->bound, number);
}

void block_use_bytes(struct block_use *use, const void *bytes, size_t length) {
    (void)sqlite3_bind_blob(use->statement, ++use->bound, bytes, (int)length, SQLITE_STATIC);
}

void block_use_text(struct block_use *use, const char *text) {
    (void)sqlite3_bind_text(use->statement, ++use->bound, text, -1, SQLITE_STATIC);
}

int block_use_step(struct block_use *use, struct error *err) {
    int step = sqlite3_step(use->statement);
    if (step == SQLITE_ROW || step == SQLITE_DONE)
        return step == SQLITE_ROW;
    return fault(use->database, "use", err);
}

int64_t block_use_read(const struct block_use *use, int column) {
    return sqlite3_column_int64(use->statement, column);
}

const void *block_use_read_bytes(const struct block_use *use, int column, size_t *out_length) {
    const void *bytes = sqlite3_column_blob(use->statement, column);
    *out_length = (size_t)sqlite3_column_bytes(use->statement, column);
    return bytes;
}

void block_use_end(struct block_use *use) {
    (void)sqlite3_reset(use->statement);
    (void)sqlite3_clear_bindings(use->statement);
}

int block_use_do(struct block_use *use, struct error *err) {
    int step = block_use_step(use, err);
    block_use_end(use);
    return step < 0 ? step : 0;
}

int blocks_database_shrink(struct blocks_database *database, struct error *err) {
    return run(database, "PRAGMA incremental_vacuum", err);
}
