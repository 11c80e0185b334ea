/* The program isthmus-xmpp: what it is told by its arguments, and what it wires together. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

#include "base/output.h"
#include "io/carrier/xmpp/check.h"
#include "io/chat/connection.h"
#include "io/chat/links.h"
#include "io/config/chat.h"
#include "io/os/folder.h"
#include "io/shell/notify.h"
#include "main/daemon/daemon.h"
#include "message/codec/decode.h"

static void print_help(void) {
    (void)printf(
        "usage: isthmus-xmpp [--config FILE] [--check]\n\n"
        "Lets tenants look at their VMs and act on them from any XMPP client, by chat and by\n"
        "ad-hoc commands. It asks the upstream manager by REST, by tokens that tenants link to\n"
        "their addresses.\n\n"
        "  -c, --config FILE  read FILE instead of /etc/isthmus/xmpp.conf\n"
        "      --check        check the configuration, the files that it names and the links\n"
        "      --version      print the version\n"
        "      --help         print this\n\n"
        "It stays in the foreground and logs to standard error; SIGTERM ends it.\n"
        "Every setting: man isthmus-xmpp, docs/examples/xmpp.conf\n");
}

enum purpose { SERVE, CHECK, LEAVE };

struct options {
    enum purpose purpose;
    int code; /* LEAVE */
    const char *config;
};

static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                      {"check", no_argument, NULL, 'k'},
                                      {"version", no_argument, NULL, 'v'},
                                      {"help", no_argument, NULL, 'h'},
                                      {0}};

static struct options leave(int code) { return (struct options){.purpose = LEAVE, .code = code}; }

static struct options read_arguments(int count, char **arguments) {
    struct options options = {.config = "/etc/isthmus/xmpp.conf"};
    for (int option; (option = getopt_long(count, arguments, "c:", known, NULL)) != -1;) {
        switch (option) {
        case 'c':
            options.config = optarg;
            break;
        case 'k':
            options.purpose = CHECK;
            break;
        case 'v':
            (void)printf("isthmus-xmpp %s\n", ISTHMUS_VERSION);
            return leave(EXIT_FINE);
        case 'h':
            print_help();
            return leave(EXIT_FINE);
        default: /* getopt has said so */
            (void)fprintf(stderr, "Try: isthmus-xmpp --help\n");
            return leave(EXIT_MISUSED);
        }
    }
    if (optind == count)
        return options;
    (void)fprintf(stderr, "isthmus-xmpp: \"%s\" is not understood. Try: isthmus-xmpp --help\n",
                  arguments[optind]);
    return leave(EXIT_MISUSED);
}

static int fail(const struct error *err, int code) {
    (void)fprintf(stderr, "isthmus-xmpp: %s\n", err->text);
    return code;
}

/* Blocks the signals that end us, before there are threads, and has them read from a descriptor. */
static int catch_ends(struct error *err) {
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    (void)signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    int fd = signalfd(-1, &ends, SFD_CLOEXEC);
    return fd < 0 ? error_set(err, -errno, "wait for signals: %s", strerror(errno)) : fd;
}

static struct carrier_endpoint endpoint_of(const struct chat_account_section *xmpp) {
    return (struct carrier_endpoint){.address = xmpp->address,
                                     .password = xmpp->password.text,
                                     .host = xmpp->server,
                                     .port = (uint16_t)xmpp->port,
                                     .ca_file = xmpp->ca_file};
}

static struct chat_face_settings face_of(const struct chat_config *config,
                                         struct carrier_outbox *outbox, const struct log *log) {
    return (struct chat_face_settings){
        .url = config->manager.url,
        .ca_file = config->manager.ca_file,
        .state = config->chat.state,
        .domains = config->chat.domains,
        .rights = config->chat.rights ? RIGHTS_LOOK : RIGHTS_ACT,
        .deletes = config->chat.deletes,
        .outbox = outbox,
        .log = log,
    };
}

static struct chat_teller_settings teller_of(const struct chat_config *config,
                                             struct carrier_outbox *outbox,
                                             const struct log *log) {
    return (struct chat_teller_settings){
        .url = config->manager.url,
        .ca_file = config->manager.ca_file,
        .token = config->manager.token.text,
        .domains = config->chat.domains,
        .account = config->xmpp.address,
        .outbox = outbox,
        .log = log,
    };
}

static int run(const struct chat_config *config, const struct carrier_endpoint *endpoint) {
    struct error err = {0};
    const struct log log = {.daemon = "isthmus-xmpp",
                            .level = (enum log_level)config->chat.log_level};
    struct carrier_outbox outbox;
    auto_clean(fd_clean) int signal_fd = catch_ends(&err);
    if (signal_fd < 0 || carrier_outbox_init(&outbox, &err))
        return fail(&err, EXIT_FAILED);
    const struct chat_face_settings settings = face_of(config, &outbox, &log);
    const struct chat_teller_settings tells = teller_of(config, &outbox, &log);
    struct chat_face *face = chat_face_new(&settings, &err);
    struct chat_teller *teller = face && tells.token ? chat_teller_start(&tells, &err) : NULL;
    if (!err.code) {
        const struct chat_connection_settings connection = {
            endpoint, face, teller, &outbox, &log, signal_fd, notify_status};
        log_line(&log, LOG_INFO, "starting", "version=%s jid=%s links=%zu", ISTHMUS_VERSION,
                 endpoint->address, chat_face_links(face));
        notify_ready();
        if (chat_connection_run(&connection, &err) == 0)
            notify_stopping();
    }
    chat_teller_stop(teller);
    chat_face_free(face);
    carrier_outbox_deinit(&outbox);
    if (err.code)
        return fail(&err, EXIT_FAILED);
    log_line(&log, LOG_INFO, "stopped", "code=ok");
    return EXIT_FINE;
}

/* The links are read, too: what is wrong with them would end the service. */
static int check(const struct chat_config *config, const char *path, struct error *err) {
    struct chat_links *links = chat_links_open(config->chat.state, 0, err);
    if (!links)
        return err->code;
    (void)printf("isthmus-xmpp: %s is good; %zu addresses are linked\n", path,
                 chat_links_count(links));
    chat_links_free(links);
    return 0;
}

static int act(int count, char **arguments) {
    struct options options = read_arguments(count, arguments);
    struct error err = {0};
    auto_clean(chat_config_deinit) struct chat_config config = {0};
    if (options.purpose == LEAVE)
        return options.code;
    codec_prepare();
    xmpp_prepare();
    if (chat_config_load(options.config, &config, &err))
        return fail(&err, EXIT_MISUSED);
    const struct carrier_endpoint endpoint = endpoint_of(&config.xmpp);
    if (xmpp_check(&endpoint, NULL, 0, &err))
        return fail(&err, EXIT_MISUSED);
    if (options.purpose == SERVE)
        return run(&config, &endpoint);
    return check(&config, options.config, &err) ? fail(&err, EXIT_MISUSED) : EXIT_FINE;
}

int main(int count, char **arguments) {
    output_begin();
    return output_end("isthmus-xmpp", act(count, arguments));
}
