/* The configuration of isthmus-xmpp (xmpp.conf), as config.h reads it. */
#pragma once

#include "io/config/value.h"

struct chat_manager_section {
    char *url, *ca_file; /* NULL: the system's authorities */
    struct secret token; /* by which what is to be told is fetched; none: nothing is */
};

/* [xmpp] */
struct chat_account_section {
    char *address; /* account@domain/resource */
    struct secret password;
    char *server; /* NULL: the domain, by DNS */
    uint64_t port; /* 0: 5222 */
    char *ca_file;
};

/* [chat] */
struct chat_section {
    char *state;
    char *domains; /* NULL: all */
    int rights;    /* enum rights, without RIGHTS_ALL: 0 is "act" */
    bool deletes;
    int log_level;
};

struct chat_config {
    struct chat_manager_section manager;
    struct chat_account_section xmpp;
    struct chat_section chat;
};
extern const struct table chat_config_table;

int chat_config_load(const char *path, struct chat_config *config, struct error *err);
void chat_config_deinit(struct chat_config *config);
