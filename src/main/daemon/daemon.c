/* What a daemon is told to do by its arguments: serve, check its configuration, show or change a
 * key, init or join; and the small steps that all three take on their way to serving. */
#include "main/daemon/daemon.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/carrier/kinds.h"
#include "io/keys/key_file.h"
#include "io/keys/secret.h"
#include "io/os/descriptors.h"
#include "io/os/folder.h"
#include "message/codec/decode.h"
#include "main/daemon/dump.h"

const char daemon_software[limit_software_size] = "isthmus " ISTHMUS_VERSION;

/* `joins`: of the downstream manager. */
static void print_help_of_init(bool joins) {
    (void)printf("  init               make configuration, keys, store, a certificate where\n"
                 "                     none is set, and a join token for each of them; what\n"
                 "                     is there is kept\n"
                 "      --domain DOMAIN     of our account and theirs at the application\n"
                 "                          server\n"
                 "      --%-17s names of the %s, and of their accounts\n"
                 "      --ca-file FILE      authority of that server's certificate, PEM\n"
                 "      --with-prosody      makes the Prosody of this machine that server: its\n"
                 "                          configuration, certificate and accounts; as root\n"
                 "      --carrier KIND      of that server: xmpp (the default), http, amqp or\n"
                 "                          zeromq; by --url where that is given\n"
                 "      --url URL           of it, but for XMPP: https://relay:8445,\n"
                 "                          amqps://broker:5671, tcp://relay:8446\n"
                 "      --server-key KEY    zeromq: the relay's, in place of --ca-file\n"
                 "      --register COMMAND  makes an account when called with its name and the\n"
                 "                          domain, and given its password twice, a line each,\n"
                 "                          on standard input: 'prosodyctl register',\n"
                 "                          'isthmus-relay register'\n"
                 "      --expires SECONDS   until when the tokens may be used (a day)\n",
                 joins ? "hosts A,B" : "clusters A,B", joins ? "hosts" : "clusters");
}

static void print_help(const char *program, const char *daemon) {
    bool joins = !text_equal(daemon, "upstream"); /* it has nobody above */
    bool manages = !text_equal(daemon, "agent");
    (void)printf("usage: %s [--config FILE] [--check]\n"
                 "       %s key [rotate|show] FILE\n"
                 "       %s dump FILE\n"
                 "       %s frame FILE PEER_KEY\n", program, program, program, program);
    if (joins)
        (void)printf("       %s [--config FILE] join TOKEN [--name NAME] [--set S.K=V]...\n",
                     program);
    if (manages)
        (void)printf("       %s [--config FILE] init --domain DOMAIN --%s A,B --ca-file FILE\n"
                     "           [--carrier KIND --url URL] [--server-key KEY]\n"
                     "           [--register COMMAND] [--expires SECONDS] %s\n"
                     "           [--set S.K=V]... [--no-start]\n"
                     "       %s [--config FILE] init --domain DOMAIN --%s A,B\n"
                     "           --with-prosody ...\n",
                     program, joins ? "hosts" : "clusters", joins ? "[--join TOKEN]" : "", program,
                     joins ? "hosts" : "clusters");
    (void)printf("\n"
                 "  -c, --config FILE  read FILE instead of /etc/isthmus/%s.conf\n"
                 "      --check        check the configuration, and try what it names: files, as\n"
                 "                     the daemon's account, ports, certificates, servers%s\n%s"
                 "      --version      print the version\n"
                 "      --help         print this\n"
                 "  key FILE           make a key in FILE, unless it is there, and print its\n"
                 "                     public half: peer_key at the other end\n"
                 "  key rotate FILE    have the daemon that uses FILE change to a new key while\n"
                 "                     it runs; its peers learn of it by themselves\n"
                 "  key show FILE      print the public half, and how far a change of it is\n"
                 "  dump FILE          print the store in FILE, a row a line, while no daemon\n"
                 "                     uses it: all of it, what is secret too\n"
                 "  frame FILE PEER_KEY\n"
                 "                     print the frames on standard input, a sealed one a line,\n"
                 "                     that the peer has said to the key in FILE: all of them\n",
                 daemon, manages ? "" : ", libvirt",
                 manages ? "      --raise-term   have those below follow this store, whatever they "
                           "heard; and end\n"
                         : "");
    if (joins && manages)
        (void)printf("      --join TOKEN   joins a cloud, too, when the cluster is made\n");
    if (joins)
        (void)printf("  join TOKEN         have TOKEN's manager pin our key, and pin its; where\n"
                     "                     it brings what is needed, write the configuration;\n"
                     "                     /FILE or -: the token is in a file, or comes by\n"
                     "                     standard input\n"
                     "      --name NAME    what the manager is to be called in there\n"
                     "      --set S.K=V    in section S, K = V: host.reserve_cpus=2\n"
                     "      --no-start     leave the service as it is; otherwise root starts it\n"
                     "                     where the configuration is the usual one\n");
    if (manages)
        print_help_of_init(joins);
    (void)printf("\n"
                 "It stays in the foreground and logs to standard error; SIGTERM ends it, SIGHUP\n"
                 "has it read its certificates again.\n"
                 "Every setting: man %s, docs/examples/%s.conf\n", program, daemon);
}

static struct daemon_options options_leave(struct daemon_options options, int code) {
    options.purpose = DAEMON_LEAVE;
    options.code = code;
    return options;
}

static int print_key(const char *path, char public_key[limit_public_key_size],
                     struct error *err) {
    struct key_file_state state;
    if (key_file_show(path, &state, err))
        return err->code;
    if (state.next_key[0])
        (void)fprintf(stderr, "It is being changed to %s, until all peers have taken that, or for "
                      "%d days at the most.\n", state.next_key, limit_rekey_seconds / 86400);
    text_set_sized(public_key, limit_public_key_size, state.public_key);
    return 0;
}

/* `key FILE`, `key rotate FILE`, `key show FILE`: `words` of them after "key"; the exit code. */
static int handle_key(const char *program, char **words, int count) {
    char public_key[limit_public_key_size];
    struct error err = {0};
    int result = count == 1                       ? key_file_make(words[0], public_key, &err)
                 : text_equal(words[0], "rotate") ? key_file_rotate(words[1], public_key, &err)
                                                  : print_key(words[1], public_key, &err);
    if (result) {
        (void)fprintf(stderr, "%s: %s\n", program, err.text);
        return EXIT_FAILED;
    }
    (void)printf("%s\n", public_key);
    return EXIT_FINE;
}

/* `dump FILE`, `frame FILE PEER_KEY`; the exit code. */
static int handle_dump(const char *program, const char *daemon, char **words) {
    struct error err = {0};
    int result = text_equal(words[0], "dump") ? dump_store(daemon, words[1], &err)
                                              : dump_frames(words[1], words[2], &err);
    if (!result)
        return EXIT_FINE;
    (void)fprintf(stderr, "%s: %s\n", program, err.text);
    return EXIT_FAILED;
}

static bool is_dump(char **words, int count) {
    return count == 2 && text_equal(words[0], "dump");
}

static bool is_frame(char **words, int count) {
    return count == 3 && text_equal(words[0], "frame");
}

static bool is_key_command(char **words, int count) {
    return count > 1 && text_equal(words[0], "key") &&
           (count == 2 || (count == 3 && (text_equal(words[1], "rotate") ||
                                          text_equal(words[1], "show"))));
}

static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                      {"check", no_argument, NULL, 'k'},
                                      {"version", no_argument, NULL, 'v'},
                                      {"help", no_argument, NULL, 'h'},
                                      {"raise-term", no_argument, NULL, 'R'},
                                      {"name", required_argument, NULL, 'n'},
                                      {"set", required_argument, NULL, 's'},
                                      {"domain", required_argument, NULL, 'd'},
                                      {"hosts", required_argument, NULL, 'H'},
                                      {"clusters", required_argument, NULL, 'L'},
                                      {"ca-file", required_argument, NULL, 'a'},
                                      {"register", required_argument, NULL, 'r'},
                                      {"url", required_argument, NULL, 'u'},
                                      {"carrier", required_argument, NULL, 'C'},
                                      {"server-key", required_argument, NULL, 'K'},
                                      {"expires", required_argument, NULL, 'e'},
                                      {"no-start", no_argument, NULL, 'N'},
                                      {"with-prosody", no_argument, NULL, 'P'},
                                      {"join", required_argument, NULL, 'J'},
                                      {0}};

/* Takes an option of `init` or `join`. False: it is none of theirs, or its value cannot be. */
static bool take_making(struct daemon_options *options, int option) {
    char *end = NULL;
    options->makes = true;
    switch (option) {
    case 'n': options->name = optarg; return true;
    case 'd': options->domain = optarg; return true;
    case 'H': options->hosts = optarg; return true;
    case 'L': options->clusters = optarg; return true;
    case 'a': options->ca_file = optarg; return true;
    case 'r': options->enter = optarg; return true;
    case 'u': options->url = optarg; return true;
    case 'C': options->carrier = optarg; return true;
    case 'K': options->server_key = optarg; return true;
    case 'N': options->no_start = true; return true;
    case 'P': options->with_prosody = true; return true;
    case 'J': options->token = daemon_secret_word(optarg); return true;
    case 's':
        options->sets[options->sets_count++] = optarg;
        return options->sets_count < daemon_sets_most;
    case 'e':
        options->expires_seconds = strtoull(optarg, &end, 10);
        return *optarg >= '1' && *optarg <= '9' && !*end &&
               options->expires_seconds <= limit_join_seconds;
    default:
        return false;
    }
}

const char *daemon_secret_word(char *word) {
    static char secret[limit_join_token + 2];
    bool is_file = *word == '/' || text_starts(word, "./"), is_input = text_equal(word, "-");
    FILE *file = is_file ? fopen(word, "re") : is_input ? stdin : NULL;
    *secret = 0;
    if (file && !fgets(secret, sizeof(secret), file))
        *secret = 0;
    if (!is_file && !is_input) {
        text_format(secret, sizeof(secret), "%s", word);
        explicit_bzero(word, strlen(word)); /* the list of processes shows it no more */
    }
    if (is_file && file)
        (void)fclose(file);
    secret[strcspn(secret, "\r\n")] = 0;
    return *secret || !is_file ? secret : word; /* what is said of it names the file then */
}

/* The kind of server that a URL leads to. */
static const char *carrier_of(const char *url) {
    return !url                           ? "xmpp"
           : text_starts(url, "amqps://") ? "amqp"
           : text_starts(url, "tcp://")   ? "zeromq"
                                          : "http";
}

/* What is to be done, by the words behind the options. False: they are not understood. */
static bool choose(struct daemon_options *options, int count, char **words, const char *daemon) {
    bool joins = !text_equal(daemon, "upstream");
    if (count == 2 && joins && text_equal(words[0], "join")) {
        options->purpose = DAEMON_JOIN;
        options->token = daemon_secret_word(words[1]);
    } else if (count == 1 && !text_equal(daemon, "agent") && text_equal(words[0], "init")) {
        options->purpose = DAEMON_INIT;
        options->carrier = options->carrier ? options->carrier : carrier_of(options->url);
    } else if (count || options->makes) {
        return false;
    }
    if (options->token && !joins)
        return false;
    return options->purpose != DAEMON_RAISE || !text_equal(daemon, "agent");
}

struct daemon_options daemon_begin(int count, char **arguments, const char *daemon) {
    static char program[32], standard[64];
    text_format(program, sizeof(program), "isthmus-%s", daemon);
    text_format(standard, sizeof(standard), "/etc/isthmus/%s.conf", daemon);
    struct daemon_options options = {
        .program = program, .config = standard, .expires_seconds = 86400};
    if (is_frame(arguments + 1, count - 1)) /* some keys begin as an option does */
        return options_leave(options, handle_dump(program, daemon, arguments + 1));
    for (int option; (option = getopt_long(count, arguments, "c:", known, NULL)) != -1;) {
        switch (option) {
        case 'c':
            options.config = optarg;
            break;
        case 'k':
            options.purpose = DAEMON_CHECK;
            break;
        case 'R':
            options.purpose = DAEMON_RAISE;
            break;
        case 'v':
            (void)printf("%s %s\n", program, ISTHMUS_VERSION);
            return options_leave(options, EXIT_FINE);
        case 'h':
            print_help(program, daemon);
            return options_leave(options, EXIT_FINE);
        default: /* where it is unknown, getopt has said so */
            if (take_making(&options, option))
                break;
            (void)fprintf(stderr, "Try: %s --help\n", program);
            return options_leave(options, EXIT_MISUSED);
        }
    }
    if (is_key_command(arguments + optind, count - optind))
        return options_leave(options, handle_key(program, arguments + optind + 1,
                                                 count - optind - 1));
    if (is_dump(arguments + optind, count - optind))
        return options_leave(options, handle_dump(program, daemon, arguments + optind));
    if (!choose(&options, count - optind, arguments + optind, daemon)) {
        (void)fprintf(stderr, "%s: \"%s\" is not understood. Try: %s --help\n", program,
                      optind < count ? arguments[optind] : "an option of something else", program);
        return options_leave(options, EXIT_MISUSED);
    }
    (void)signal(SIGPIPE, SIG_IGN);
    if (options.purpose == DAEMON_SERVE) {
        (void)signal(SIGHUP, SIG_IGN); /* until the loop takes it */
        descriptors_raise(daemon_descriptors);
    }
    carrier_prepare();
    codec_prepare();
    return options;
}

int daemon_fail(const struct daemon_options *options, const struct error *err, int code) {
    (void)fprintf(stderr, "%s: %s\n", options->program, err->text);
    if (err->code == -ESTALE)
        return EXIT_DEPOSED;
    return code;
}

int daemon_checked(const struct daemon_options *options) {
    (void)printf("%s: %s is good\n", options->program, options->config);
    return EXIT_FINE;
}

uint64_t daemon_seed(void) {
    uint64_t seed;
    secret_random(&seed, sizeof(seed));
    return seed;
}

char *daemon_path(const struct daemon_config *config, const char *name) {
    struct text path = {0};
    text_addf(&path, "%s/%s", config->state, name);
    return path.data;
}

const char *daemon_page_folder(const struct listen_config *config) {
    static const char installed[] = ISTHMUS_WEB;
    if (config->web_folder)
        return config->web_folder;
    return access(installed, F_OK) == 0 ? installed : NULL;
}

struct store *daemon_store(const struct daemon_config *config, const char *daemon, unsigned mode,
                           struct error *err) {
    auto_clean(memory_clean) char *path = daemon_path(config, "store.sqlite");
    if (folder_make(config->state, mode, err))
        return NULL;
    return store_open(path, daemon, err);
}

struct seal *daemon_seal_up(const struct link_config *link, struct error *err) {
    struct seal *seal = seal_new(SEAL_AGENT, link->key.text, err);
    if (!seal || !link->peer_key || !seal_pin(seal, link->manager, link->peer_key, err))
        return seal;
    seal_free(seal);
    return NULL;
}

struct seal *daemon_seal_down(const struct link_config *link, const struct peer_config *peers,
                              size_t count, struct error *err) {
    struct seal *seal = seal_new(SEAL_MANAGER, link->key.text, err);
    for (size_t i = 0; seal && i < count; i++) {
        if (!peers[i].peer_key || !seal_pin(seal, peers[i].address, peers[i].peer_key, err))
            continue;
        seal_free(seal);
        return NULL;
    }
    return seal;
}

int daemon_serve(const struct log *log, struct shell *shell, const struct shell_ports *ports,
                 const char *state) {
    struct error err = {0};
    log_line(log, LOG_INFO, "starting", "version=%s state=%s", ISTHMUS_VERSION, state);
    if (shell_run(shell, ports, &err)) {
        char text[sizeof(err.text) + 8];
        log_line(log, LOG_ERROR, "failed", "text=%s", log_quote(err.text, text, sizeof(text)));
        return err.code == -ESTALE ? EXIT_DEPOSED : EXIT_FAILED;
    }
    log_line(log, LOG_INFO, "stopped", "code=ok");
    return EXIT_FINE;
}

struct peer_setting daemon_peer(const char *name, const char *address, uint32_t link) {
    struct peer_setting peer = {.address = address, .link = link};
    text_set(peer.name, name);
    return peer;
}

struct amounts daemon_most(const struct peer_config *config) {
    return (struct amounts){.cpus = config->max_cpus,
                            .memory_mib = config->max_memory_mib,
                            .disk_gib = config->max_disk_gib};
}
