/* The command line and environment of the command `isthmus`. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "message/model.h"

enum output { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_NAME };

/* Exit codes; a verb returns one of them. */
enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3 };

enum { options_words = 6 };

struct options {
    const char *server, *token_file, *ca_file; /* NULL: none is named */
    const char *socket;                        /* the owner's, once chosen; NULL: not asked */
    bool server_given, socket_given;           /* on the command line */
    struct text token;                         /* what token_file or ISTHMUS_TOKEN holds */
    enum output output;
    const char *shape, *image, *cluster, *user_data, *key, *vm, *tenant; /* NULL: not given */
    const char *host, *upstream, *verbs, *clusters, *shapes, *images;
    const char *networks, *network;
    const char *on_drain, *host_must, *host_prefer;
    struct overcommit overcommit; /* 0: not given */
    uint32_t grace_seconds, weight;
    const char *must, *prefer, *avoid, *group, *group_rule, *strategy;
    const char *metadata; /* "": none of it is to stay */
    struct owner_limits limits; /* what `used` names of it */
    uint32_t limit, deadline_seconds, wait_seconds, expires_seconds; /* 0: not given */
    bool no_start, wait, help, version;
    const char *words[options_words]; /* noun, verb, arguments */
    size_t words_count;
    char used[32]; /* letters of the verb's own options that were given */
};

/* Reads the command line (which is reordered) and the environment. 0, or -EINVAL with `err`. */
int options_read(struct options *options, int count, char **arguments, struct error *err);

/* Whom a verb asks. */
enum asked {
    ASKED_SERVER, /* the upstream manager, with a token */
    ASKED_OWNER,  /* the downstream manager, by the owner's socket */
    ASKED_EITHER, /* the owner's if a socket is named and no server */
};

/* Settles server and socket, and reads the token where one is needed; called when a verb is about
 * to run. */
int options_choose(struct options *options, enum asked asked, struct error *err);
void options_deinit(struct options *options);

/* A whole file of at most `most` bytes. 0, or negative with `err`. */
int options_read_file(const char *path, size_t most, struct text *out, struct error *err);

/* A line of help per option letter, NULL for one that is none. */
const char *options_help(char letter);
extern const char options_everywhere[]; /* letters that every verb takes */
