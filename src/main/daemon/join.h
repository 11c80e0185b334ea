/* `join TOKEN` of the agent and of the downstream manager: lets the manager that the token names
 * pin the key of that link, and pins the manager's. The daemon itself must not run meanwhile. */
#pragma once

#include "main/daemon/link.h"
#include "main/daemon/making.h"

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
