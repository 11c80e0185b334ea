/* What the three daemons' main programs have in common: arguments, the state folder, the log, and
 * the way they fail. Exit codes: 0 fine, 1 failure while running, 2 usage or configuration, 3 what
 * was to be printed could not be written, 4 a manager that a later one by its name has followed. */
#pragma once

#include <stdbool.h>

#include "io/config/load.h"
#include "io/shell/shell.h"

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_MISUSED = 2, EXIT_DEPOSED = 4 };

enum { daemon_sets_most = 64, daemon_descriptors = 16384 /* as the units say */ };

enum daemon_purpose {
    DAEMON_SERVE,
    DAEMON_CHECK, /* --check: read the configuration and say whether it is good */
    DAEMON_JOIN,  /* join TOKEN */
    DAEMON_INIT,  /* init, of managers */
    DAEMON_RAISE, /* --raise-term, of managers */
    DAEMON_LEAVE, /* all is said: exit with the given code */
};

struct daemon_options {
    const char *program; /* "isthmus-upstream" */
    const char *config;  /* path of the file */
    enum daemon_purpose purpose;
    const char *token; /* DAEMON_JOIN; DAEMON_INIT: to join by afterwards, or NULL */
    const char *name;  /* of the uplink that it makes; NULL: cluster, or by the manager's domain */
    const char *domain, *ca_file, *enter; /* DAEMON_INIT */
    const char *hosts, *clusters; /* of those one, names by commas */
    const char *carrier;    /* the application server's kind */
    const char *url;        /* where it is; NULL: by the domain */
    const char *server_key; /* by which it proves itself, of a kind without certificates */
    uint64_t expires_seconds;                     /* of its tokens */
    const char *sets[daemon_sets_most];           /* both: "downlink.port=5222" */
    size_t sets_count;
    bool with_prosody; /* DAEMON_INIT: make the application server, too */
    bool no_start; /* the service is left as it is */
    bool makes;    /* one of these was given */
    int code; /* DAEMON_LEAVE */
};

/* Reads the arguments and sets up what must be before any thread: signals, descriptors,
 * libstrophe's authorities. `daemon` is "upstream", "downstream" or "agent". */
struct daemon_options daemon_begin(int count, char **arguments, const char *daemon);

/* A secret that a word of the command line is, or leads to: "-" to the first line of standard
 * input, a path ("/…", "./…") to that of a file. What stands there itself is wiped, so that the
 * list of processes shows it no more. Of one word only: it stays until the next. */
const char *daemon_secret_word(char *word);

/* Prints the error as one line on standard error and returns the exit code: `code`, or EXIT_DEPOSED
 * where that is why. */
int daemon_fail(const struct daemon_options *options, const struct error *err, int code);

/* Prints that the configuration is good, exit code 0. */
int daemon_checked(const struct daemon_options *options);

/* A number from the operating system's random source, for the role. */
uint64_t daemon_seed(void);

/* "isthmus 0.1.0" */
extern const char daemon_software[limit_software_size];

/* <state>/<name>, the caller's to free. */
char *daemon_path(const struct daemon_config *config, const char *name);

/* Where the page for browsers is: as configured, or the installed one; NULL: there is none. */
const char *daemon_page_folder(const struct listen_config *config);

/* Makes the state folder, with `mode` if it is missing, and opens the store in it. */
struct store *daemon_store(const struct daemon_config *config, const char *daemon, unsigned mode,
                           struct error *err);

/* The seal of one link: toward the manager above, or toward those below. NULL with `err`. */
struct seal *daemon_seal_up(const struct link_config *link, struct error *err);
struct seal *daemon_seal_down(const struct link_config *link, const struct peer_config *peers,
                              size_t count, struct error *err);

/* Serves until the end, tells the log how it began and ended; the exit code. */
int daemon_serve(const struct log *log, struct shell *shell, const struct shell_ports *ports,
                 const char *state);

struct peer_setting daemon_peer(const char *name, const char *address, uint32_t link);

/* What is believed of what a peer says it has, at the most. */
struct amounts daemon_most(const struct peer_config *config);
