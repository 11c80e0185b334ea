/* A client of the XMPP carrier for test_carrier.py: stands in for the shell, and prints what the
 * carrier tells it. Lines on standard input: "send ADDRESS TEXT", "burst ADDRESS COUNT", "quit".
 *
 * carrier_probe JID PASSWORD PORT CA_FILE PEER HANDSHAKE_SECONDS PING_SECONDS */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "io/xmpp.h"

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

void shell_post_bytes(struct shell *shell, uint32_t link, const char *from, const char *bytes,
                      size_t length) {
    (void)shell, (void)link;
    printf("frame %s %.*s\n", from, (int)length, bytes);
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

static void send_text(struct xmpp *xmpp, const char *address, const char *text) {
    enum xmpp_sent sent = xmpp_link_send(xmpp, address, text, strlen(text));
    printf("%s %zu\n", sent == XMPP_SENT ? "sent" : "dropped", strlen(text));
}

/* Many frames at once, for the bound of the queue. */
static void send_burst(struct xmpp *xmpp, const char *address, unsigned long count) {
    unsigned long sent = 0;
    for (unsigned long i = 0; i < count; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "burst %lu", i);
        sent += xmpp_link_send(xmpp, address, text, strlen(text)) == XMPP_SENT;
    }
    printf("burst %lu\n", sent);
}

static void serve(struct xmpp *xmpp) {
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
            send_text(xmpp, address, rest);
        else if (!strcmp(verb, "burst"))
            send_burst(xmpp, address, strtoul(rest, NULL, 10));
    }
}

int main(int count, char **arguments) {
    if (count != 8) {
        fprintf(stderr, "usage: carrier_probe JID PASSWORD PORT CA_FILE PEER SECONDS SECONDS\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    xmpp_link_prepare();
    const char *peers[] = {arguments[5]};
    struct xmpp_settings settings = {
        .jid = arguments[1],
        .password = arguments[2],
        .host = "127.0.0.1",
        .port = (uint16_t)strtoul(arguments[3], NULL, 10),
        .ca_file = arguments[4],
        .peers = peers,
        .peers_count = peers[0][0] ? 1 : 0,
        .software = "carrier-probe",
        .handshake_seconds = (unsigned)strtoul(arguments[6], NULL, 10),
        .ping_seconds = (unsigned)strtoul(arguments[7], NULL, 10),
    };
    struct shell shell = {0};
    struct error err;
    struct xmpp *xmpp = xmpp_link_new(&settings, &shell, &err);
    if (!xmpp) {
        printf("error %s\n", err.text);
        return 1;
    }
    serve(xmpp);
    xmpp_link_free(xmpp);
    printf("freed\n");
    return 0;
}
