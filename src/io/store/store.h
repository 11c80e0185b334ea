/* The store port: one SQLite file per daemon (WAL, synchronous=FULL), a row per record with its
 * kind, its key and its body in the packed form, by the record's field table; bodies in JSON, of
 * older programs, are read, too. Written through, read once at start. Schema version and
 * migration from the first release on.
 *
 * Called by the shell only, within its turn. A commit that fails, also by what is kept for it, is
 * fatal for the process: the shell exits, and the next start finds the last committed state. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "message/field.h"

struct store;

/* Opens or creates; refuses a file of a newer schema or of another daemon, and one that is damaged
 * or emptied, naming file and remedy. `daemon` is "upstream", "downstream" or "agent". */
struct store *store_open(const char *path, const char *daemon, struct error *err);
void store_close(struct store *store);

/* Opens the file as it is, of this or an older schema, for store_load() alone; it is not checked
 * and not changed. A store that a daemon has open is refused. */
struct store *store_open_to_read(const char *path, const char *daemon, struct error *err);

/* What is put and deleted waits in memory for the commit, which writes each row once, all in one
 * transaction. The record is taken and left empty. */
void store_put(struct store *store, struct record *record);
void store_delete(struct store *store, struct record *record);
int store_commit(struct store *store, struct error *err);

/* Has the store room on its disk? Keeps some for it, which a commit that finds the disk full uses
 * before it fails. Twice the room is needed after there was none. */
bool store_has_room(struct store *store);

/* Reads the record whose key is set into it. 1, 0 where there is none, or negative. */
int store_get(struct store *store, struct record *record, struct error *err);

/* Calls `each` for every record, tables in the order of stored_tables, keys ascending. The record
 * is freed after the call. */
int store_load(struct store *store, void (*each)(void *context, const struct record *record),
               void *context, struct error *err);
