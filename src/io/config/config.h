/* Configuration: one INI file per daemon (inih), read into a plain struct by field tables
 * (message/field.h).
 *
 * The tables of the three daemons stand in daemons.c. What a file may hold, its defaults,
 * bounds and words are there and nowhere else; a mistake is an error that names file, line and
 * remedy.
 * A daemon's table has a field for each section: a FIELD_RECORD is `[name]`, a FIELD_LIST is
 * `[name NAME]`, up to `most` times, and NAME goes to the field `name` of the new entry. The
 * section's own table has a field for each key, a FIELD_RECORD being a secret (value.h). Secrets
 * stand in files of their own and are read at once.
 * The struct belongs to the caller, zeroed; record_clear frees what was read into it. */
#pragma once

#include "base/error.h"
#include "message/field.h"

/* Reads `path` into the zeroed struct `config`. 0, or negative with `err`. On an error the
 * struct is left freed and zeroed. */
int config_load(const struct table *table, const char *path, void *config, struct error *err);

/* The section that may have this title, "downlink" or "agent host-1"; NULL: none. */
const struct field *config_section(const struct table *table, const char *title);

/* Is it what the key is called, or may be called? */
bool config_is_named(const struct field *field, const char *key);

/* Is the field of a section one of its keys? */
bool config_is_key(const struct field *section, const struct field *field);
