/* Configuration: one INI file per daemon (inih), read into a plain struct by a table of settings.
 *
 * The tables of the three daemons stand in config/daemons.c. What a file may hold, its defaults,
 * bounds and words are there and nowhere else; a mistake is an error that names file, line and
 * remedy. Secrets stand in files of their own and are read at once.
 * The struct belongs to the caller, zeroed; config_deinit frees what was read into it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum setting_kind {
    SETTING_TEXT,    /* char * */
    SETTING_NAME,    /* char *: a DNS label */
    SETTING_JID,     /* char *: a full JID, account@domain/resource */
    SETTING_JIDS,    /* char *: full JIDs, each behind the one before by a comma and no space */
    SETTING_LABELS,  /* char *: labels, name=value, joined by commas (message/labels.h) */
    SETTING_URL,     /* char *: http, https or file, without a slash at the end */
    SETTING_LISTEN,  /* char *: address:port, [address]:port */
    SETTING_FOLDER,  /* char *: absolute path; made by the daemon */
    SETTING_FILE,    /* char *: absolute path of a file that can be read */
    SETTING_SECRET,  /* struct secret: absolute path of a file for its owner's eyes alone */
    SETTING_KEY,     /* struct secret: absolute path of a secret key's file (io/keys/seal.h) */
    SETTING_PEER,    /* char *: a public key */
    SETTING_NUMBER,  /* uint64_t, least..most */
    SETTING_FLAG,    /* bool: yes, no */
    SETTING_CHOICE,  /* int: index into choices */
};

enum setting_need { SETTING_OPTIONAL, SETTING_REQUIRED };

struct secret {
    char *file;
    char *text; /* its first line */
};

struct setting {
    const char *key;
    enum setting_kind kind;
    size_t offset;         /* into the section's struct */
    enum setting_need need;
    const char *standard;  /* what stands for an absent key; NULL: zero */
    uint64_t least, most;  /* SETTING_NUMBER */
    const char *const *choices; /* SETTING_CHOICE, ended by NULL */
    const char *about;
};

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
