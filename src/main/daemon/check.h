/* What `--check` tries besides the form of the configuration: the state folder, ports, certificates
 * and servers that it names. Each finding is a line on standard error that says what to do. Run as
 * the daemon's own account, which service_become() sees to. */
#pragma once

#include "main/daemon/daemon.h"
#include "main/daemon/link.h"

struct daemon_trial {
    const struct daemon_options *options;
    unsigned mistakes;  /* here: exit code 2 */
    unsigned unreached; /* servers, maybe only for now: exit code 1 */
    bool runs;          /* the daemon that has this state folder does, and has its ports */
};

/* The folder of what lasts, its disk and store; first of all. `daemon` is "agent" and so on. */
void daemon_try_state(struct daemon_trial *trial, const struct daemon_config *config,
                      const char *daemon);

/* The port, and whether the certificate fits the URL that others have of it. */
void daemon_try_listen(struct daemon_trial *trial, const char *section,
                       const struct listen_config *listen);

/* The servers of a link, and where images come from. */
void daemon_try_link(struct daemon_trial *trial, const char *section,
                     const struct daemon_link *link);

/* Something else was tried: `result` of it, negative: a mistake, as `err` says. */
void daemon_tried(struct daemon_trial *trial, int result, const struct error *err);

/* The exit code; says that all is good if it is. */
int daemon_trial_end(const struct daemon_trial *trial);
