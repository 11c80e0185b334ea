/* One value of a configuration file: from its text into its place in a struct, checked. */
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

/* 0, or negative with `err`: what is wrong with the value and what would be right. */
int config_value_set(const struct setting *setting, const char *value, void *section,
                     struct error *err);

/* Frees what config_value_set has put there. */
void config_value_clear(const struct setting *setting, void *section);
