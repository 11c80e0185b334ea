/* What `init` of both managers has in common: keys, secrets, a certificate and the configuration
 * beside its place, which it takes last, so that after a failure the same command can be given
 * again. What is there is kept. */
#pragma once

#include "io/config/write.h"
#include "main/daemon/daemon.h"

/* Who has what accounts at the application server. */
struct setup_kind {
    const char *account, *resource; /* ours */
    const char *peer_section, *peer_resource; /* "agent", each peer's */
    const char *peer;        /* what a user calls one: "host" */
    const char *peers;       /* --hosts: their names, by commas; NULL: none */
    const char *join;        /* "isthmus-agent join" */
    const char *serves;      /* the section that serves images: "images" or "api" */
    const char *listen;      /* where, if nobody says otherwise */
    unsigned streams_port;   /* beside that */
    bool image_tokens;       /* each peer has one of its own */
};

struct setup {
    const struct daemon_options *options;
    const struct setup_kind *kind;
    char *folder; /* of the files beside the configuration */
    struct config_values values;
    struct text fresh; /* path of the configuration until it is whole */
    char *authority;   /* path of that which we made for the application server, or NULL */
};

void setup_clean(struct setup *setup);

/* Makes the folder; all others need it. */
int setup_begin(struct setup *setup, struct error *err);

/* Whether all is known that must be. */
int setup_check(const struct setup *setup, struct error *err);

/* Our account, its password and key, the server, the peers with theirs. */
int setup_downlink(struct setup *setup, struct error *err);

/* A new secret in the file of ours that the value names; its path becomes the value. */
int setup_secret(struct setup *setup, const struct config_value *file, struct error *err);

/* A value that was set so far, or `standard`. */
const char *setup_value(const struct setup *setup, const char *section, const char *key,
                        const char *standard);

/* Writes it beside its place, at setup->fresh. */
int setup_write(struct setup *setup, const struct table *table, struct error *err);

/* Puts it into its place, and gives all of it, with the store in `state`, to the daemon's
 * account. */
int setup_commit(const struct setup *setup, const char *state, struct error *err);
