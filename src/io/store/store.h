/* The store port: one SQLite file per daemon (WAL, synchronous=FULL), a table per kind of record
 * with its key and its body as JSON made by the record's field table. Written through, read once
 * at start. Schema version and migration from the first release on.
 *
 * Called by the shell only, within its turn. A commit that fails is fatal for the process: the
 * shell exits, and the next start finds the last committed state. */
#pragma once

#include "base/error.h"
#include "message/field.h"

struct store;

/* Opens or creates; refuses a file of a newer schema or of another daemon, naming file and
 * remedy. `daemon` is "upstream", "downstream" or "agent". */
struct store *store_open(const char *path, const char *daemon, struct error *err);
void store_close(struct store *store);

/* One transaction: begin, any number of put and delete, commit. */
int store_begin(struct store *store, struct error *err);
int store_put(struct store *store, const struct record *record, struct error *err);
int store_delete(struct store *store, const struct record *record, struct error *err);
int store_commit(struct store *store, struct error *err);

/* Calls `each` for every record, tables in the order of stored_tables, keys ascending. The record
 * is freed after the call. */
int store_load(struct store *store, void (*each)(void *context, const struct record *record),
               void *context, struct error *err);
