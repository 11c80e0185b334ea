/* An asker on a carrier of any kind, for test_carrier.py: stands in for the shell, and prints what
 * the carrier tells it. Lines on standard input: "send ADDRESS TEXT", "bytes ADDRESS HEX",
 * "burst ADDRESS COUNT", "quit". A frame that is no line of text is printed in hex, too.
 *
 * carrier_probe HANDSHAKE PING HOLD_DOWN RETURN one|each SERVER... with, for each server in order:
 * KIND ADDRESS PASSWORD PORT|URL CA_FILE|SERVER_KEY PEER CERTIFICATE KEY PROXY; an empty one is
 * none. Seconds. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
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
    if (!memchr(bytes, 0, length) && !memchr(bytes, '\n', length)) {
        printf("frame %s %.*s\n", about->from, (int)length, bytes);
        return;
    }
    auto_clean(text_deinit) struct text line = {0};
    for (size_t i = 0; i < length; i++)
        text_addf(&line, "%02x", (unsigned char)bytes[i]);
    printf("bytes %s %s\n", about->from, line.data);
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

static void send_bytes(struct carrier *carrier, const char *address, const char *bytes,
                       size_t length) {
    enum carrier_sent sent = carrier_send(carrier, address, bytes, length);
    carrier_flush(carrier);
    printf("%s %zu\n", sent == CARRIER_SENT ? "sent" : "dropped", length);
}

static void send_hex(struct carrier *carrier, const char *address, const char *hex) {
    auto_clean(text_deinit) struct text bytes = {0};
    for (; hex[0] && hex[1]; hex += 2) {
        const char digits[] = {hex[0], hex[1], 0};
        const char byte = (char)strtoul(digits, NULL, 16);
        text_add_bytes(&bytes, &byte, 1);
    }
    send_bytes(carrier, address, text_data(&bytes), bytes.length);
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

/* Opens so many files. */
static void hoard(unsigned long count) {
    unsigned long opened = 0;
    while (opened < count && open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
        opened++;
    printf("hoarded %lu\n", opened);
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
            send_bytes(carrier, address, rest, strlen(rest));
        else if (!strcmp(verb, "bytes"))
            send_hex(carrier, address, rest);
        else if (!strcmp(verb, "hoard"))
            hoard(strtoul(rest, NULL, 10));
        else if (!strcmp(verb, "burst"))
            send_burst(carrier, address, strtoul(rest, NULL, 10));
    }
}

enum { first_server = 6, words_per_server = 9 };

static const char *or_none(const char *word) { return word[0] ? word : NULL; }

/* Where the servers are; "": where their addresses say. */
static const char *probe_host(void) {
    const char *host = getenv("PROBE_HOST");
    return host ? or_none(host) : "127.0.0.1";
}

static struct carrier *connect_link(int servers, char **arguments, struct shell *shell) {
    struct carrier_endpoint endpoints[limit_endpoints] = {0};
    const char *addresses[limit_endpoints];
    for (int i = 0; i < servers; i++) {
        char **words = arguments + first_server + i * words_per_server;
        endpoints[i] = (struct carrier_endpoint){
            .kind = carrier_kind_find(words[0]),
            .address = words[1],
            .password = or_none(words[2]),
            .url = strstr(words[3], "://") ? words[3] : NULL,
            .proxy = or_none(words[8]),
            .host = probe_host(),
            .port = (uint16_t)strtoul(words[3], NULL, 10),
            .ca_file = words[4],
            .server_key = words[4],
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
