/* The room that the shell's tests are in: a role that does what the test scripts, a store and
 * adapters of the test's own, and the other end of each link. What is done is in one journal. */
#pragma once

#include "base/text.h"
#include "io/shell/shell.h"

extern struct text journal; /* "begin;put vm-1;commit;send 0 a@b/c 2;" */

struct role {
    void (*script)(struct role *role, const struct event *event, struct effects *out);
    struct text seen; /* names of the events */
    uint64_t deadline_ms;
    uint64_t started_ms;
    uint64_t counts[4]; /* the script's own */
};

struct store {
    const char *failing; /* "commit", "put" or NULL */
    const struct record *stored;
    bool is_full;
};

struct carrier {
    struct frame last;
    struct text bytes;
    struct seal *peer; /* the other end of the link */
    struct text opened;
    uint64_t flushes;
};
struct host {
    uint64_t jobs;
};
struct rest {
    uint64_t handle;
    enum code code;
    char *row;
};
struct image_fetcher {
    char digest[limit_digest_size];
};

struct room {
    struct role role;
    struct store store;
    struct carrier carriers[2];
    struct host host;
    struct rest rest;
    struct image_fetcher fetcher;
    struct log log;
    struct shell *shell;
    struct shell_link links[2];
    struct shell_ports ports;
    struct error err;
};

int set_up(void **state);
int tear_down(void **state);

/* Runs the shell to its end, which must be a good one. */
void run(struct room *room);
void post(struct room *room, enum event_kind kind);
