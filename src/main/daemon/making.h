/* What a join token makes of a configuration: it brings what an uplink needs. */
#pragma once

#include "io/keys/join_token.h"
#include "main/daemon/files.h"

/* A new configuration stands beside its place, which it takes once the join has succeeded; it goes
 * again if the join fails. Keys stay, so that the same token can be used again when its answer was
 * lost. */
struct daemon_making {
    const char *config;      /* the file to be read */
    char *fresh;             /* that, where it is a new one */
    struct join_offer offer; /* DAEMON_JOIN */
};

/* The agent's: where there is no configuration and the token brings what is needed, one is made.
 * The downstream manager's: where none of its uplinks is the token's manager, one is added. */
int daemon_making_begin(const struct daemon_options *options, struct daemon_making *making,
                        struct error *err);
int daemon_making_attach(const struct daemon_options *options, struct daemon_making *making,
                         struct error *err);
void daemon_making_clean(struct daemon_making *making);
