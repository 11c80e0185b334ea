/* The program isthmus-warden: what it is told by its arguments. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/output.h"
#include "base/text.h"
#include "io/warden/files.h"
#include "main/warden/serve.h"

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_MISUSED = 2 };
enum purpose { SERVE, CHECK, LEAVE };

struct options {
    enum purpose purpose;
    int code; /* LEAVE */
    struct warden_settings settings;
};

static const struct option known[] = {{"folder", required_argument, NULL, 'f'},
                                      {"freeze-most", required_argument, NULL, 'm'},
                                      {"check", no_argument, NULL, 'k'},
                                      {"version", no_argument, NULL, 'v'},
                                      {"help", no_argument, NULL, 'h'},
                                      {0}};

static void print_help(void) {
    (void)printf(
        "usage: isthmus-warden [--folder DIR] [--freeze-most SECONDS] [--check]\n\n"
        "Stops VMs of this host that may be restarted elsewhere, as soon as their lease has\n"
        "ended, whatever became of isthmus-agent: frozen first, ended after a while.\n\n"
        "      --folder DIR           where it and the agent speak, in memory\n"
        "                             (%s)\n"
        "      --freeze-most SECONDS  how long a VM stands still until it is ended (600)\n"
        "      --check                check that this machine has what it needs\n"
        "      --version              print the version\n"
        "      --help                 print this\n\n"
        "It stays in the foreground and logs to standard error. SIGTERM ends it, and freezes what\n"
        "it guards: nobody else would, and the next one lets it go on.\n"
        "More: man isthmus-warden\n", warden_folder_usual);
}

static struct options leave(int code) { return (struct options){.purpose = LEAVE, .code = code}; }

static bool read_seconds(const char *value, uint64_t *out_ms) {
    enum { day = 86400 };
    char *end = NULL;
    unsigned long long seconds = strtoull(value, &end, 10);
    *out_ms = seconds * 1000;
    return *value >= '0' && *value <= '9' && !*end && seconds <= day;
}

static struct options read_arguments(int count, char **arguments) {
    struct options options = {.settings = {warden_folder_usual, 600000}};
    for (int option; (option = getopt_long(count, arguments, "", known, NULL)) != -1;) {
        switch (option) {
        case 'f':
            options.settings.folder = optarg;
            break;
        case 'm':
            if (read_seconds(optarg, &options.settings.freeze_most_ms))
                break;
            (void)fprintf(stderr, "isthmus-warden: --freeze-most %s: say seconds, a day at the "
                          "most\n", optarg);
            return leave(EXIT_MISUSED);
        case 'k':
            options.purpose = CHECK;
            break;
        case 'v':
            (void)printf("isthmus-warden %s\n", ISTHMUS_VERSION);
            return leave(EXIT_FINE);
        case 'h':
            print_help();
            return leave(EXIT_FINE);
        default: /* getopt has said so */
            (void)fprintf(stderr, "Try: isthmus-warden --help\n");
            return leave(EXIT_MISUSED);
        }
    }
    if (optind == count)
        return options;
    (void)fprintf(stderr, "isthmus-warden: \"%s\" is not understood. Try: isthmus-warden --help\n",
                  arguments[optind]);
    return leave(EXIT_MISUSED);
}

static int run(int count, char **arguments) {
    struct options options = read_arguments(count, arguments);
    const struct log log = {.daemon = "isthmus-warden", .level = LOG_INFO};
    struct error err = {0};
    if (options.purpose == LEAVE)
        return options.code;
    (void)signal(SIGPIPE, SIG_IGN);
    int failed = options.purpose == CHECK ? warden_check(&options.settings, &err)
                                          : warden_serve(&options.settings, &log, &err);
    if (failed) {
        (void)fprintf(stderr, "isthmus-warden: %s\n", err.text);
        return EXIT_FAILED;
    }
    if (options.purpose == CHECK)
        (void)printf("isthmus-warden: %s is good\n", options.settings.folder);
    return EXIT_FINE;
}

int main(int count, char **arguments) {
    output_begin();
    return output_end("isthmus-warden", run(count, arguments));
}
