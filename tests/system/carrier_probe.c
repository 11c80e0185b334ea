/* An asker on a carrier of any kind, for test_carrier.py: stands in for the shell, and prints what
 * the carrier tells it. Lines on standard input: "send ADDRESS TEXT", "burst ADDRESS COUNT",
 * "quit".
 *
 * carrier_probe HANDSHAKE PING HOLD_DOWN RETURN one|each SERVER... with, for each server in order:
 * KIND ADDRESS PASSWORD PORT CA_FILE PEER CERTIFICATE KEY; an empty one is none. Seconds. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "io/carrier/kinds.h"
#include "message/limits.h"

struct shell {
    struct log log;
};

void shell_post(struct shell *shell, const struct event *event) {
    (void)shell;
    const char *presence = event->presence.presence == PRESENCE_UP ? "up" : "down";
    if (event->kind == EVENT_LINK)
        printf("link %s\n", presence);
    else
        printf("peer %s %s\n", event->presence.address, presence);
}

void shell_post_bytes(struct shell *shell, const struct event_frame *about, const char *bytes,
                      size_t length) {
    (void)shell;
    printf("frame %s %.*s\n", about->from, (int)length, bytes);
}

void shell_serve(struct shell *shell) { (void)shell; }

void shell_log(struct shell *shell, int level, const char *event, const char *format, ...) {
    (void)shell;
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    printf("log %s %s %s\n", log_level_names[level], event, text);
}

static void send_text(struct carrier *carrier, const char *address, const char *text) {
    enum carrier_sent sent = carrier_send(carrier, address, text, strlen(text));
    carrier_flush(carrier);
    printf("%s %zu\n", sent == CARRIER_SENT ? "sent" : "dropped", strlen(text));
}

/* Many frames at once, for the bound of the queue. */
static void send_burst(struct carrier *carrier, const char *address, unsigned long count) {
    unsigned long sent = 0;
    for (unsigned long i = 0; i < count; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "burst %lu", i);
        sent += carrier_send(carrier, address, text, strlen(text)) == CARRIER_SENT;
    }
    carrier_flush(carrier);
    printf("burst %lu\n", sent);
}

static void serve(struct carrier *carrier) {
    auto_clean(memory_clean) char *line = NULL;
    size_t size = 0;
    ssize_t length;
    while ((length = getline(&line, &size, stdin)) > 0) {
        line[length - 1] = 0;
        char *rest = line;
        const char *verb = strsep(&rest, " "), *address = strsep(&rest, " ");
        if (!strcmp(verb, "quit"))
            return;
        if (!address || !rest)
            printf("what?\n");
        else if (!strcmp(verb, "send"))
            send_text(carrier, address, rest);
        else if (!strcmp(verb, "burst"))
            send_burst(carrier, address, strtoul(rest, NULL, 10));
    }
}

enum { first_server = 6, words_per_server = 8 };

static const char *or_none(const char *word) { return word[0] ? word : NULL; }

static struct carrier *connect_link(int servers, char **arguments, struct shell *shell) {
    struct carrier_endpoint endpoints[limit_endpoints] = {0};
    const char *addresses[limit_endpoints];
    for (int i = 0; i < servers; i++) {
        char **words = arguments + first_server + i * words_per_server;
        endpoints[i] = (struct carrier_endpoint){
            .kind = carrier_kind_find(words[0]),
            .address = words[1],
            .password = or_none(words[2]),
            .host = "127.0.0.1",
            .port = (uint16_t)strtoul(words[3], NULL, 10),
            .ca_file = words[4],
            .certificate_file = or_none(words[6]),
            .key_file = or_none(words[7]),
        };
        if (!endpoints[i].kind) {
            printf("error no carrier is of the kind %s\n", words[0]);
            return NULL;
        }
        addresses[i] = words[5];
    }
    const struct carrier_peer peer = {addresses};
    const struct carrier_settings settings = {
        .endpoints = endpoints,
        .endpoints_count = (size_t)servers,
        .use = strcmp(arguments[5], "one") == 0 ? ENDPOINTS_USE_ONE : ENDPOINTS_USE_EACH,
        .peers = &peer,
        .peers_count = addresses[0][0] ? 1 : 0,
        .software = "carrier-probe",
        .handshake_seconds = (unsigned)strtoul(arguments[1], NULL, 10),
        .ping_seconds = (unsigned)strtoul(arguments[2], NULL, 10),
        .hold_down_seconds = (unsigned)strtoul(arguments[3], NULL, 10),
        .return_seconds = (unsigned)strtoul(arguments[4], NULL, 10),
    };
    struct error err;
    struct carrier *carrier = carrier_new(&settings, shell, &err);
    if (!carrier)
        printf("error %s\n", err.text);
    return carrier;
}

int main(int count, char **arguments) {
    int servers = (count - first_server) / words_per_server;
    if (servers < 1 || servers > limit_endpoints ||
        count != first_server + servers * words_per_server) {
        fprintf(stderr, "usage: carrier_probe HANDSHAKE PING HOLD_DOWN RETURN one|each "
                        "SERVER...\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    carrier_prepare();
    struct shell shell = {0};
    struct carrier *carrier = connect_link(servers, arguments, &shell);
    if (!carrier)
        return 1;
    serve(carrier);
    carrier_free(carrier);
    printf("freed\n");
    return 0;
}
