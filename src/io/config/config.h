/* Configuration: one INI file per daemon (inih), read into a plain struct by a table of settings.
 *
 * The tables of the three daemons stand in config/daemons.c. What a file may hold, its defaults,
 * bounds and words are there and nowhere else; a mistake is an error that names file, line and
 * remedy. Secrets stand in files of their own and are read at once.
 * The struct belongs to the caller, zeroed; config_deinit frees what was read into it. */
#pragma once

#include <stddef.h>

#include "io/config/value.h"

/* A section: `[name]` once, or `[name NAME]` any number of times up to `most`; then the struct
 * has an array (pointer at `offset`, size_t at `count_offset`) of entries of `size` bytes, each
 * of which begins with its name, a char *. */
struct config_section {
    const char *name;
    const char *about;
    const struct setting *settings;
    size_t settings_count;
    size_t offset;
    size_t size;         /* 0: not repeatable */
    size_t count_offset;
    size_t least, most;  /* how many times; not repeatable: least 1 means required */
};

struct config_table {
    const char *daemon; /* "upstream" */
    const struct config_section *sections;
    size_t sections_count;
};

/* Reads `path` into the zeroed struct `config`. 0, or negative with `err`. On an error the
 * struct is left freed and zeroed in all that the table describes. */
int config_load(const struct config_table *table, const char *path, void *config,
                struct error *err);

void config_deinit(const struct config_table *table, void *config);
