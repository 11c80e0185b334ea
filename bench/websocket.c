/* One libwebsockets connection with TLS and nothing else, and the viewer of a stream beside it:
 *
 *     bench-websocket serve CERTIFICATE KEY         prints its port; ends when it is killed
 *     bench-websocket pull PLACE BYTES              from a word said until so much has come
 *     bench-websocket echo PLACE COUNT              round trips of one byte
 *     bench-websocket stall PLACE                   says the word, and reads nothing from then on
 *
 * A PLACE is PORT PROTOCOLS TOKEN_FILE. At `serve`, the protocol `source` sends without end once it
 * has heard a byte, `echo` sends back. */
#include <libwebsockets.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "measure.h"

enum { piece = 16384 };

enum role { SERVE, PULL, ECHO, STALL };

/* One connection, on either side. */
struct party {
    unsigned char bytes[LWS_PRE + piece];
    size_t waiting; /* bytes to be written: endless at a source */
    bool is_source;
};

struct bench {
    enum role role;
    struct party viewer;
    char *token;
    size_t wanted, came;
    double said_us;
    struct series series;
    bool is_over;
};

static void say(struct party *party, struct lws *wsi, size_t length) {
    party->waiting = length;
    lws_callback_on_writable(wsi);
}

static int on_room(struct party *party, struct lws *wsi) {
    size_t length = party->waiting < piece ? party->waiting : piece;
    if (!length)
        return 0;
    if (lws_write(wsi, party->bytes + LWS_PRE, length, LWS_WRITE_BINARY) < (int)length)
        return -1;
    if (party->is_source)
        lws_callback_on_writable(wsi);
    else
        party->waiting -= length;
    return 0;
}

static void begin_round(struct bench *bench, struct lws *wsi) {
    bench->said_us = measure_now_us();
    say(&bench->viewer, wsi, 1);
}

static void on_heard(struct bench *bench, struct lws *wsi, size_t length) {
    bench->came += length;
    if (bench->role == ECHO || bench->came >= bench->wanted)
        series_add(&bench->series, measure_now_us() - bench->said_us);
    bench->is_over = bench->came >= bench->wanted;
    if (bench->role == ECHO && !bench->is_over)
        begin_round(bench, wsi);
}

static int on_viewer(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                     size_t length) {
    struct bench *bench = lws_context_user(lws_get_context(wsi));
    (void)user;
    switch ((int)reason) {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER: {
        char **at = in;
        int added = snprintf(*at, length, "Authorization: Bearer %s\r\n", bench->token);
        if (added < 0 || (size_t)added >= length)
            return -1;
        *at += added;
        return 0;
    }
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        series_begin(&bench->series);
        begin_round(bench, wsi);
        return 0;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        if (bench->role == STALL) {
            (void)lws_rx_flow_control(wsi, 0);
            (void)puts("ready");
            (void)fflush(stdout);
        }
        return on_room(&bench->viewer, wsi);
    case LWS_CALLBACK_CLIENT_RECEIVE:
        if (bench->role != STALL)
            on_heard(bench, wsi, length);
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        measure_fail("connect", in ? in : "nobody says why");
    case LWS_CALLBACK_CLIENT_CLOSED:
        if (!bench->is_over)
            measure_fail("hear all", "the connection was closed");
        return 0;
    default:
        return 0;
    }
}

static int on_server(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                     size_t length) {
    struct party *party = user;
    switch ((int)reason) {
    case LWS_CALLBACK_ESTABLISHED:
        memset(party, 0, sizeof(*party));
        party->is_source = strcmp(lws_get_protocol(wsi)->name, "source") == 0;
        return 0;
    case LWS_CALLBACK_RECEIVE:
        if (length > piece)
            return -1;
        memcpy(party->bytes + LWS_PRE, in, length);
        say(party, wsi, party->is_source ? piece : length);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return on_room(party, wsi);
    default:
        return 0;
    }
}

static struct lws_context *begin(struct bench *bench, const char *certificate, const char *key) {
    static const struct lws_protocols served[] = {
        {"source", on_server, sizeof(struct party), piece, 0, NULL, 0},
        {"echo", on_server, sizeof(struct party), piece, 0, NULL, 0},
        {NULL, NULL, 0, 0, 0, NULL, 0},
    };
    static const struct lws_protocols viewed[] = {
        {"viewer", on_viewer, 0, piece, 0, NULL, 0},
        {NULL, NULL, 0, 0, 0, NULL, 0},
    };
    const struct lws_context_creation_info info = {
        .port = certificate ? 0 : CONTEXT_PORT_NO_LISTEN,
        .iface = certificate ? "127.0.0.1" : NULL,
        .protocols = certificate ? served : viewed,
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_DISABLE_IPV6,
        .ssl_cert_filepath = certificate,
        .ssl_private_key_filepath = key,
        .user = bench,
    };
    lws_set_log_level(LLL_ERR, NULL);
    struct lws_context *library = lws_create_context(&info);
    if (!library)
        measure_fail("begin libwebsockets", "it gives no context");
    return library;
}

static void serve(const char *certificate, const char *key) {
    struct bench bench = {.role = SERVE};
    struct lws_context *library = begin(&bench, certificate, key);
    (void)printf("%d\n", lws_get_vhost_listen_port(lws_get_vhost_by_name(library, "default")));
    (void)fflush(stdout);
    while (lws_service(library, 0) >= 0)
        continue;
}

static void view(enum role role, char **place, size_t wanted) {
    struct bench bench = {.role = role,
                          .token = measure_first_line(place[2]), .wanted = wanted};
    struct lws_context *library = begin(&bench, NULL, NULL);
    const struct lws_client_connect_info info = {
        .context = library,
        .address = "127.0.0.1",
        .port = (int)measure_number(place[0]),
        .path = "/",
        .host = "127.0.0.1",
        .protocol = place[1],
        .local_protocol_name = "viewer",
        .ssl_connection = LCCSCF_USE_SSL | LCCSCF_ALLOW_SELFSIGNED | LCCSCF_ALLOW_INSECURE |
                          LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK,
    };
    if (!lws_client_connect_via_info(&info))
        measure_fail("connect to port", place[0]);
    while (!bench.is_over && lws_service(library, 0) >= 0)
        continue;
    series_end(&bench.series);
    series_print(&bench.series);
    series_deinit(&bench.series);
    memory_free(bench.token);
    lws_context_destroy(library);
}

int main(int count, char **words) {
    if (count == 4 && strcmp(words[1], "serve") == 0)
        serve(words[2], words[3]);
    else if (count == 6 && strcmp(words[1], "pull") == 0)
        view(PULL, words + 2, measure_number(words[5]));
    else if (count == 6 && strcmp(words[1], "echo") == 0)
        view(ECHO, words + 2, measure_number(words[5]));
    else if (count == 5 && strcmp(words[1], "stall") == 0)
        view(STALL, words + 2, 1);
    else
        measure_fail("read the command line", "see the head of bench/websocket.c");
    return 0;
}
