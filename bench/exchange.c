/* The floor of all that goes over XMPP: libstrophe and nothing else. Four stanzas per exchange,
 *     driver -> server 1 -> bridge -> server 2 -> echo, and back,
 * of the kind that Isthmus sends (headlines to full JIDs, TLS).
 *
 *     bench-exchange PASSWORD_FILE echo JID,PORT,CA_FILE
 *     bench-exchange PASSWORD_FILE bridge JID,PORT,CA_FILE JID,PORT,CA_FILE DRIVER ECHO
 *     bench-exchange PASSWORD_FILE drive JID,PORT,CA_FILE BRIDGE COUNT OUTSTANDING BYTES
 *
 * echo and bridge say "ready" and run until SIGTERM; drive prints its series. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strophe.h>
#include <sys/socket.h>

#include "base/text.h"
#include "drive.h"

struct party {
    xmpp_ctx_t *context;
    xmpp_conn_t *connection;
    struct party *other; /* bridge */
    const char *to;      /* where this party sends; NULL: back to whom it came from */
    bool connected;
    struct drive *drive;
};

static int on_socket(xmpp_conn_t *connection, void *socket) {
    (void)connection;
    int one = 1;
    return setsockopt(*(int *)socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void on_connection(xmpp_conn_t *connection, xmpp_conn_event_t event, int error,
                          xmpp_stream_error_t *stream_error, void *user) {
    (void)error, (void)stream_error;
    struct party *party = user;
    if (event != XMPP_CONN_CONNECT)
        measure_fail("keep a connection", xmpp_conn_get_jid(connection));
    xmpp_stanza_t *presence = xmpp_presence_new(party->context);
    xmpp_send(connection, presence);
    xmpp_stanza_release(presence);
    party->connected = true;
}

/* All that may leave. */
static void drive_send(struct party *party) {
    size_t number;
    while (drive_next(party->drive, &number)) {
        auto_clean(text_deinit) struct text stanza = {0};
        text_addf(&stanza,
                  "<message type='headline' id='%zu' to='%s'><frame xmlns='urn:isthmus:bench'>%s"
                  "</frame></message>", number, party->to, party->drive->payload);
        xmpp_send_raw(party->connection, stanza.data, stanza.length);
    }
}

static int on_message(xmpp_conn_t *connection, xmpp_stanza_t *stanza, void *user) {
    (void)connection;
    struct party *party = user;
    const char *type = xmpp_stanza_get_type(stanza), *id = xmpp_stanza_get_id(stanza);
    if (!id || !type || !text_equal(type, "headline"))
        measure_fail("understand a stanza of type", type ? type : "none");
    if (party->drive) {
        drive_receive(party->drive, id);
        drive_send(party);
        return 1;
    }
    const struct party *via = party->other ? party->other : party;
    xmpp_stanza_t *onward = xmpp_stanza_copy(stanza);
    xmpp_stanza_set_to(onward, via->to ? via->to : xmpp_stanza_get_from(stanza));
    xmpp_stanza_del_attribute(onward, "from");
    xmpp_send(via->connection, onward);
    xmpp_stanza_release(onward);
    return 1;
}

/* `place`: "JID,PORT,CA_FILE", which is cut into its pieces. */
static void party_connect(struct party *party, char *place, const char *password) {
    const char *jid = strsep(&place, ","), *port = strsep(&place, ",");
    if (!port || !place)
        measure_fail("read a place, written JID,PORT,CA_FILE", jid);
    xmpp_conn_t *connection = party->connection = xmpp_conn_new(party->context);
    xmpp_conn_set_jid(connection, jid);
    xmpp_conn_set_pass(connection, password);
    xmpp_conn_set_sockopt_callback(connection, on_socket);
    xmpp_conn_set_flags(connection, XMPP_CONN_FLAG_MANDATORY_TLS | XMPP_CONN_FLAG_DISABLE_SM);
    xmpp_conn_set_cafile(connection, place);
    xmpp_handler_add(connection, on_message, NULL, "message", NULL, party);
    if (xmpp_connect_client(connection, "127.0.0.1", (unsigned short)measure_number(port),
                            on_connection, party) != XMPP_EOK)
        measure_fail("connect", jid);
}

/* A stanza inside a TLS record that was read already does not wake select: hence the other three,
 * which take what is left of it. */
static void turn(xmpp_ctx_t *context) {
    for (int i = 0; i < 4; i++)
        xmpp_run_once(context, i ? 0 : 1);
}

static void serve(xmpp_ctx_t *context, const struct party *last) {
    while (!last->connected || (last->other && !last->other->connected))
        turn(context);
    (void)puts("ready");
    (void)fflush(stdout);
    for (;;)
        turn(context);
}

static void drive(struct party *party, char **arguments) {
    struct drive drive;
    party->to = arguments[0];
    party->drive = &drive;
    while (!party->connected)
        turn(party->context);
    drive_begin(&drive, arguments + 1);
    drive_send(party);
    while (!drive_is_over(&drive))
        turn(party->context);
    drive_end(&drive);
}

int main(int count, char **arguments) {
    const char *role = count > 3 ? arguments[2] : "";
    (void)signal(SIGPIPE, SIG_IGN);
    (void)setenv("SSL_CERT_FILE", "/dev/null", 1); /* ours is the only authority */
    (void)setenv("SSL_CERT_DIR", "/nonexistent", 1);
    xmpp_initialize();
    xmpp_ctx_t *context = xmpp_ctx_new(NULL, NULL);
    struct party above = {.context = context}, below = {.context = context};
    if (text_equal(role, "echo") && count == 4) {
        party_connect(&below, arguments[3], measure_first_line(arguments[1]));
        serve(context, &below);
    } else if (text_equal(role, "bridge") && count == 7) {
        above.to = arguments[5];
        below.to = arguments[6];
        above.other = &below;
        below.other = &above;
        party_connect(&above, arguments[3], measure_first_line(arguments[1]));
        party_connect(&below, arguments[4], measure_first_line(arguments[1]));
        serve(context, &below);
    } else if (text_equal(role, "drive") && count == 8) {
        party_connect(&above, arguments[3], measure_first_line(arguments[1]));
        drive(&above, arguments + 4);
    } else {
        measure_fail("run", "see the head of bench/exchange.c");
    }
    return 0;
}
