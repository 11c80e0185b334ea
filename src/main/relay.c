/* The program isthmus-relay: what it is told by its arguments, and the loop that it serves by. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/output.h"
#include "io/keys/seal.h"
#include "io/os/descriptors.h"
#include "io/os/folder.h"
#include "io/relay/http.h"
#include "io/relay/zeromq.h"
#include "io/shell/notify.h"
#include "main/daemon/certificates.h"
#include "main/daemon/daemon.h"
#include "main/relay_setup.h"

static void print_help(void) {
    (void)printf(
        "usage: isthmus-relay [--config FILE] [--check]\n"
        "       isthmus-relay [--config FILE] init --domain DOMAIN --certificate-file FILE\n"
        "           --key-file FILE [--listen ADDRESS:PORT] [--zeromq-listen ADDRESS:PORT]\n"
        "       isthmus-relay [--config FILE] register NAME DOMAIN [TOKEN] [--reaches A,B]\n\n"
        "An application server for daemons that reach each other by HTTPS (carrier = http) or by\n"
        "ZeroMQ (carrier = zeromq). It passes on what is sealed, and keeps nothing.\n\n"
        "  -c, --config FILE  read FILE instead of /etc/isthmus/relay.conf\n"
        "      --check        check the configuration and the files that it names, and print the\n"
        "                     key by which ZeroMQ's users know this relay\n"
        "      --version      print the version\n"
        "      --help         print this\n"
        "  init               write the configuration; one that is there is kept\n"
        "      --domain DOMAIN          of the accounts' addresses, NAME@DOMAIN\n"
        "      --certificate-file FILE  our certificate chain, PEM\n"
        "      --key-file FILE          its private key, PEM\n"
        "      --listen ADDRESS:PORT    where to listen ([::]:8445)\n"
        "      --zeromq-listen ADDRESS:PORT\n"
        "                               where to listen for ZeroMQ, too, by a key that is made\n"
        "  register NAME      add an account and its token to the configuration; the relay\n"
        "                     reads it when it is started again. /FILE or - for TOKEN: it is\n"
        "                     in a file, or comes by standard input; without, one is made\n"
        "      --reaches A,B            accounts that it and that may reach each other\n\n"
        "It stays in the foreground and logs to standard error; SIGTERM ends it.\n"
        "Every setting: man isthmus-relay, docs/examples/relay.conf\n");
}

enum purpose { SERVE, CHECK, INIT, REGISTER, LEAVE };

struct options {
    enum purpose purpose;
    int code; /* LEAVE */
    struct relay_setup setup;
};

static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                      {"check", no_argument, NULL, 'k'},
                                      {"version", no_argument, NULL, 'v'},
                                      {"help", no_argument, NULL, 'h'},
                                      {"domain", required_argument, NULL, 'd'},
                                      {"listen", required_argument, NULL, 'l'},
                                      {"zeromq-listen", required_argument, NULL, 'z'},
                                      {"certificate-file", required_argument, NULL, 'C'},
                                      {"key-file", required_argument, NULL, 'K'},
                                      {"reaches", required_argument, NULL, 'r'},
                                      {0}};

static struct options leave(int code) { return (struct options){.purpose = LEAVE, .code = code}; }

static struct options misused(const char *word) {
    (void)fprintf(stderr, "isthmus-relay: \"%s\" is not understood. Try: isthmus-relay --help\n",
                  word);
    return leave(EXIT_MISUSED);
}

/* What the words behind the options say. */
static struct options take_words(struct options options, int count, char **words) {
    struct relay_setup *setup = &options.setup;
    bool is_init = count == 1 && text_equal(words[0], "init");
    bool is_register = (count == 3 || count == 4) && text_equal(words[0], "register");
    if (count && !is_init && !is_register)
        return misused(words[0]);
    if (!is_init && (setup->domain || setup->listen || setup->zeromq_listen ||
                     setup->certificate_file || setup->key_file))
        return misused("an option of init");
    if (!is_register && setup->reaches)
        return misused("--reaches");
    if (is_init)
        options.purpose = INIT;
    if (is_register) {
        options.purpose = REGISTER;
        setup->name = words[1];
        setup->domain = words[2];
        setup->token = count == 4 ? daemon_secret_word(words[3]) : NULL;
    }
    return options;
}

static struct options read_arguments(int count, char **arguments) {
    struct options options = {.setup.config = "/etc/isthmus/relay.conf"};
    struct relay_setup *setup = &options.setup;
    for (int option; (option = getopt_long(count, arguments, "c:", known, NULL)) != -1;) {
        switch (option) {
        case 'c': setup->config = optarg; break;
        case 'd': setup->domain = optarg; break;
        case 'l': setup->listen = optarg; break;
        case 'z': setup->zeromq_listen = optarg; break;
        case 'C': setup->certificate_file = optarg; break;
        case 'K': setup->key_file = optarg; break;
        case 'r': setup->reaches = optarg; break;
        case 'k':
            options.purpose = CHECK;
            break;
        case 'v':
            (void)printf("isthmus-relay %s\n", ISTHMUS_VERSION);
            return leave(EXIT_FINE);
        case 'h':
            print_help();
            return leave(EXIT_FINE);
        default: /* getopt has said so */
            (void)fprintf(stderr, "Try: isthmus-relay --help\n");
            return leave(EXIT_MISUSED);
        }
    }
    return take_words(options, count - optind, arguments + optind);
}

static int fail(const struct error *err, int code) {
    (void)fprintf(stderr, "isthmus-relay: %s\n", err->text);
    return code;
}

/* ---- serving ---- */

/* Names of accounts become their places; relay_config_load has checked them. */
static size_t find_pairs(const struct relay_config *config, struct relay_server_pair **out_pairs) {
    size_t count = 0;
    for (size_t i = 0; i < config->accounts_count; i++) {
        auto_clean(memory_clean) char *copy = memory_text(config->accounts[i].reaches);
        for (char *rest = copy, *name; (name = strsep(&rest, " \t"));) {
            if (!*name)
                continue;
            *out_pairs = memory_resize(*out_pairs, (count + 1) * sizeof(**out_pairs));
            (*out_pairs)[count++] = (struct relay_server_pair){i, relay_config_find(config, name)};
        }
    }
    return count;
}

/* Each account has two connections, and a third one while one of these is replaced. */
static size_t connections_for(const struct relay_config *config) {
    return 3 * config->accounts_count + 64;
}

/* What serves, and what it borrows from while it does. */
struct serving {
    struct relay_server_account *accounts;
    char (*addresses)[limit_address_size];
    struct relay_server *server;
    struct relay_http *http;
    struct relay_zeromq *zeromq;
};

static void serving_stop(struct serving *serving) {
    relay_zeromq_stop(serving->zeromq);
    relay_http_stop(serving->http);
    relay_server_free(serving->server);
    memory_free(serving->accounts);
    memory_free(serving->addresses);
}

static int make_server(struct serving *serving, const struct relay_config *config,
                       const struct log *log, struct error *err) {
    size_t count = config->accounts_count;
    auto_clean(memory_clean) struct relay_server_pair *pairs = NULL;
    size_t pairs_count = find_pairs(config, &pairs);
    serving->accounts = memory_new(count, sizeof(*serving->accounts));
    serving->addresses = memory_new(count, sizeof(*serving->addresses));
    for (size_t i = 0; i < count; i++) {
        text_format(serving->addresses[i], sizeof(serving->addresses[i]), "%s@%s",
                    config->accounts[i].name, config->relay.domain);
        serving->accounts[i] = (struct relay_server_account){serving->addresses[i],
                                                             config->accounts[i].token.text};
    }
    const struct relay_server_settings settings = {
        .accounts = serving->accounts,
        .accounts_count = count,
        .pairs = pairs,
        .pairs_count = pairs_count,
        .log = log,
    };
    serving->server = relay_server_new(&settings, err);
    return serving->server ? 0 : err->code;
}

static int start(struct serving *serving, const struct relay_config *config,
                 const struct log *log, struct error *err) {
    size_t connections = connections_for(config);
    const struct http_server_settings http = {
        .listen = config->relay.listen,
        .tls_certificate_file = config->relay.certificate_file,
        .tls_key_file = config->relay.key_file,
        .connections = connections,
        .connections_of_address = connections, /* a site's hosts may share one */
    };
    const struct relay_zeromq_settings zeromq = {config->relay.zeromq_listen,
                                                 config->relay.zeromq_key.text};
    descriptors_raise(connections * 3); /* the server of HTTP leaves most of them free */
    if (make_server(serving, config, log, err) ||
        !(serving->http = relay_http_start(serving->server, &http, err)) ||
        (zeromq.listen &&
         !(serving->zeromq = relay_zeromq_start(serving->server, &zeromq, err))))
        return err->code;
    return 0;
}

static uint64_t wall_ms(void) {
    struct timespec now;
    (void)timespec_get(&now, TIME_UTC);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void renew(struct relay_http *face, struct daemon_certificates *certificates) {
    struct error err = {0};
    int result = relay_http_renew(face, &err);
    daemon_certificates_renewed(certificates, result, &err);
}

/* Tells systemd when the certificate runs out. */
static void look(struct daemon_certificates *certificates, struct text *status) {
    auto_clean(text_deinit) struct text now = {0};
    daemon_certificates_look(certificates, wall_ms(), CERTIFICATES_HOURLY);
    daemon_certificates_print(certificates, &now);
    if (text_equal(text_data(&now), text_data(status)))
        return;
    notify_status(text_data(&now));
    text_clear(status);
    text_add(status, text_data(&now));
}

static bool is_end(int signal_fd) {
    struct signalfd_siginfo signal = {0};
    return read(signal_fd, &signal, sizeof(signal)) < 0 || signal.ssi_signo != SIGHUP;
}

static void serve(const struct serving *serving, int signal_fd,
                  struct daemon_certificates *certificates) {
    enum { look_ms = 60000 };
    auto_clean(text_deinit) struct text status = {0};
    struct pollfd ready[] = {{.fd = signal_fd, .events = POLLIN},
                             {.fd = relay_server_wake_fd(serving->server), .events = POLLIN}};
    while (!ready[0].revents || !is_end(signal_fd)) {
        if (ready[0].revents)
            renew(serving->http, certificates);
        look(certificates, &status);
        int wait_ms = relay_server_tick(serving->server);
        (void)poll(ready, 2, wait_ms < 0 || wait_ms > look_ms ? look_ms : wait_ms);
    }
}

static int run(const struct relay_config *config) {
    struct error err = {0};
    struct log log = {.daemon = "isthmus-relay",
                      .level = (enum log_level)config->relay.log_level};
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGHUP);
    (void)signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &ends, NULL); /* before there are threads */
    auto_clean(fd_clean) int signal_fd = signalfd(-1, &ends, SFD_CLOEXEC);
    log_line(&log, LOG_INFO, "starting", "version=%s domain=%s", ISTHMUS_VERSION,
             config->relay.domain);
    if (signal_fd < 0)
        (void)error_set(&err, -errno, "wait for signals: %s", strerror(errno));
    auto_clean(serving_stop) struct serving serving = {0};
    if (signal_fd < 0 || start(&serving, config, &log, &err))
        return fail(&err, EXIT_FAILED);
    log_line(&log, LOG_INFO, "listening", "relay=%s port=%u accounts=%u", config->relay.listen,
             relay_http_port(serving.http), config->accounts_count);
    if (serving.zeromq)
        log_line(&log, LOG_INFO, "listening", "zeromq=%s port=%u", config->relay.zeromq_listen,
                 relay_zeromq_port(serving.zeromq));
    notify_ready();
    log_line(&log, LOG_INFO, "ready", "accounts=%u", config->accounts_count);
    struct daemon_certificates certificates;
    daemon_certificates_init(&certificates, &log);
    daemon_certificates_add(&certificates, "relay", "certificate_file",
                            config->relay.certificate_file);
    serve(&serving, signal_fd, &certificates);
    notify_stopping();
    log_line(&log, LOG_INFO, "stopped", "code=ok");
    return EXIT_FINE;
}

/* For who connects by ZeroMQ. */
static int print_server_key(const struct relay_config *config, struct error *err) {
    char key[limit_public_key_size];
    if (!config->relay.zeromq_key.text)
        return 0;
    if (seal_public_of(config->relay.zeromq_key.text, key, err))
        return err->code;
    (void)printf("server_key = %s\n", key);
    return 0;
}

static int act(int count, char **arguments) {
    struct options options = read_arguments(count, arguments);
    struct error err = {0};
    auto_clean(relay_config_deinit) struct relay_config config = {0};
    if (options.purpose == LEAVE)
        return options.code;
    if (options.purpose == INIT || options.purpose == REGISTER) {
        if (options.purpose == INIT ? relay_setup_init(&options.setup, &err)
                                    : relay_setup_register(&options.setup, &err))
            return fail(&err, EXIT_FAILED);
        return EXIT_FINE;
    }
    if (relay_config_load(options.setup.config, &config, &err))
        return fail(&err, EXIT_MISUSED);
    if (options.purpose == SERVE)
        return run(&config);
    (void)printf("isthmus-relay: %s is good\n", options.setup.config);
    return print_server_key(&config, &err) ? fail(&err, EXIT_MISUSED) : EXIT_FINE;
}

int main(int count, char **arguments) {
    output_begin();
    return output_end("isthmus-relay", act(count, arguments));
}
