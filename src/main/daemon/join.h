/* `join TOKEN` of the agent and of the downstream manager: lets the manager that the token names
 * pin the key of that link, and pins the manager's. The daemon itself must not run meanwhile. */
#pragma once

#include "io/keys/join_token.h"
#include "main/daemon/files.h"
#include "main/daemon/link.h"

/* What a token makes of no configuration: one that takes its place once the join has succeeded.
 * Until then it stands beside, and goes again if the join fails; keys stay, so that the same token
 * can be used again when its answer was lost. */
struct daemon_making {
    const char *config;      /* the file to be read */
    char *fresh;             /* that, where it is a new one */
    struct join_offer offer; /* DAEMON_JOIN */
};

/* The agent's: where there is no configuration and the token brings what is needed, one is made.
 * The downstream manager's: where none of its uplinks is the token's manager, one is added. */
int daemon_join_begin(const struct daemon_options *options, struct daemon_making *making,
                      struct error *err);
int daemon_join_attach(const struct daemon_options *options, struct daemon_making *making,
                       struct error *err);
void daemon_making_clean(struct daemon_making *making);

struct daemon_joining {
    const char *daemon; /* "agent" */
    const struct daemon_config *config;
    const struct link_config *uplinks;
    size_t uplinks_count;
    const struct server_config *servers; /* further ones of the uplinks */
    size_t servers_count;
    unsigned mode; /* of the state folder */
    struct daemon_making *making;
};

/* The exit code; what became of it has been said. */
int daemon_join(const struct daemon_options *options, const struct daemon_joining *joining);
