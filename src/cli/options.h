/* The command line and environment of the command `isthmus`. Each option is a row of a table, a
 * field with what only options have: what stands for the value in help, and a short form. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "message/request.h"

enum output { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_NAME };

/* Exit codes; a verb returns one of them. */
enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3 };

enum { options_words = 130, options_most = 96 };

struct options {
    const char *server, *token_file, *ca_file; /* NULL: none is named */
    const char *socket;                        /* the owner's, once chosen; NULL: not asked */
    struct text token;                         /* what token_file or ISTHMUS_TOKEN holds */
    enum output output;
    const char *shape, *image, *cluster, *user_data, *key, *vm, *tenant; /* NULL: not given */
    const char *identity;
    const char *ssh_key, *body;
    const char *host, *upstream, *verbs, *clusters, *shapes, *images, *placing, *views;
    uint32_t apart_most;
    const char *place; /* set by the verb, no option */
    const char *networks, *network, *allow;
    const char *on_drain, *on_loss, *restart_from, *host_must, *host_prefer;
    uint32_t copy_every_s, copy_max_age_s;
    struct overcommit overcommit; /* 0: not given */
    uint32_t grace_seconds, weight;
    const char *must, *prefer, *avoid, *group, *group_rule, *strategy;
    const char *metadata; /* "": none of it is to stay */
    const char *title;    /* "": it is to have none */
    const char *state, *name, *labels, *fields; /* of a list's rows */
    enum sort sort;
    uint32_t patience_seconds; /* how long a silent server is waited for; 0: as usual; no option */
    const char *about;    /* which of several things this is done to; NULL: there is one */
    struct amounts limits;      /* what is given of it */
    uint32_t limit, deadline_seconds, wait_seconds, expires_seconds; /* 0: not given */
    const char *architecture, *firmware, *disk_bus, *clock, *tpm;
    const char *cloud_init, *guest_agent;
    const char *digest, *sums, *signature, *keyring;
    const char *known; /* a file with what was seen of the audit before */
    enum rights rights;
    const char *events, *quiet;
    const char *tenants, *must_not, *refuse; /* of a rule; texts: "": none */
    uint32_t position; /* 0: not given */
    uint64_t images_gib;
    uint32_t min_cpus, min_memory_mib, min_disk_gib;
    uint32_t port;
    bool open, watch, follow, no_start, upgrade, hard, whole, i_have_checked, help, version;
    const char *words[options_words]; /* noun, verb, arguments */
    size_t words_count;
    const char *given[options_most]; /* the names of options on the command line, each once */
    size_t given_count;
};

/* Reads the command line (which is reordered) and the environment. 0, or -EINVAL with `err`. */
int options_read(struct options *options, int count, char **arguments, struct error *err);

/* Whom a verb asks. */
enum asked {
    ASKED_NOBODY = -1,
    ASKED_SERVER, /* the upstream manager, with a token */
    ASKED_OWNER,  /* the downstream manager, by the owner's socket */
    ASKED_EITHER, /* the owner's if a socket is named and no server */
};

/* Settles server and socket, and reads the token where one is needed; called when a verb is about
 * to run. */
int options_choose(struct options *options, enum asked asked, struct error *err);
void options_deinit(struct options *options);

/* A whole file of at most `most` bytes; the other takes a text alone. 0, or negative with `err`. */
int options_read_bytes(const char *path, size_t most, struct text *out, struct error *err);
int options_read_file(const char *path, size_t most, struct text *out, struct error *err);

/* Names of options, each behind the one before by a blank. */
extern const char options_everywhere[]; /* those that every verb takes */

/* Prints the help of these options, a line each or more. */
void options_print(const char *names);

/* The field of an option of this name, with what stands for its value in help: NULL, it has none.
 * NULL: there is no such option. */
const struct field *options_field(const char *name, size_t length, const char **out_argument);

bool options_given(const struct options *options, const char *name);

/* The i-th of the given options that not every verb takes; NULL after the last. */
const char *options_own(const struct options *options, size_t i);
