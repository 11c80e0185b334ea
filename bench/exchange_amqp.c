/* The floor of all that goes over AMQP: librabbitmq and nothing else. As bench/exchange.c, with
 * queues that the parties' addresses name:
 *
 *     bench-exchange-amqp PASSWORD_FILE echo PLACE BRIDGE
 *     bench-exchange-amqp PASSWORD_FILE bridge PLACE PLACE DRIVER ECHO
 *     bench-exchange-amqp PASSWORD_FILE drive PLACE BRIDGE COUNT OUTSTANDING BYTES
 *
 * A PLACE is ADDRESS,PORT,CA_FILE. */
#include <amqp.h>
#include <amqp_ssl_socket.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "base/memory.h"
#include "drive.h"

enum { frame_most = 131072, heartbeat = 60, channel = 1 };

struct party {
    amqp_connection_state_t connection;
    char *user;
    const char *to; /* where this party sends; NULL: back to whom it came from */
    struct party *other;
    struct drive *drive;
};

static void must(amqp_rpc_reply_t reply, const char *what) {
    if (reply.reply_type != AMQP_RESPONSE_NORMAL)
        measure_fail(what, amqp_error_string2(reply.library_error));
}

static amqp_bytes_t bytes_of(const char *text) { return amqp_cstring_bytes(text); }

static void party_connect(struct party *party, char *place, const char *password) {
    const char *address = strsep(&place, ","), *port = strsep(&place, ",");
    if (!port || !place)
        measure_fail("read a place, written ADDRESS,PORT,CA_FILE", address);
    party->user = memory_text(address);
    party->user[strcspn(party->user, "@")] = 0;
    amqp_connection_state_t connection = party->connection = amqp_new_connection();
    amqp_socket_t *made = amqp_ssl_socket_new(connection);
    if (amqp_ssl_socket_set_cacert(made, place) ||
        amqp_socket_open(made, "localhost", (int)measure_number(port)))
        measure_fail("connect", address);
    must(amqp_login(connection, "/", channel, frame_most, heartbeat, AMQP_SASL_METHOD_PLAIN,
                    party->user, password), "log in");
    amqp_channel_open(connection, channel);
    must(amqp_get_rpc_reply(connection), "open a channel");
    amqp_queue_declare(connection, channel, bytes_of(address), 0, 0, 1, 1, amqp_empty_table);
    must(amqp_get_rpc_reply(connection), "declare a queue");
    amqp_basic_consume(connection, channel, bytes_of(address), amqp_empty_bytes, 0, 1, 1,
                       amqp_empty_table);
    must(amqp_get_rpc_reply(connection), "consume");
}

static void publish(const struct party *party, amqp_bytes_t to, amqp_bytes_t body) {
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_USER_ID_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG,
        .user_id = bytes_of(party->user),
        .delivery_mode = 1,
    };
    if (amqp_basic_publish(party->connection, channel, amqp_empty_bytes, to, 0, 0, &properties,
                           body))
        measure_fail("publish", party->user);
}

static void say(struct party *party, const char *payload, size_t length) {
    publish(party, bytes_of(party->to), (amqp_bytes_t){length, (char *)payload});
}

/* One that came goes on, or is counted. */
static void handle(struct party *party, const amqp_message_t *message) {
    const struct party *via = party->other ? party->other : party;
    if (!party->drive)
        publish(via, bytes_of(via->to), message->body);
    else
        drive_receive(party->drive, message->body.bytes);
}

static void take_all(struct party *party) {
    for (;;) {
        const struct timeval none = {0};
        amqp_envelope_t envelope;
        amqp_maybe_release_buffers(party->connection);
        amqp_rpc_reply_t reply = amqp_consume_message(party->connection, &envelope, &none, 0);
        if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION &&
            reply.library_error == AMQP_STATUS_TIMEOUT)
            return;
        must(reply, "take a message");
        handle(party, &envelope.message);
        amqp_destroy_envelope(&envelope);
    }
}

static void turn(struct party *one) {
    struct pollfd ready[] = {{.fd = amqp_get_sockfd(one->connection), .events = POLLIN},
                             {.fd = -1, .events = POLLIN}};
    if (one->other)
        ready[1].fd = amqp_get_sockfd(one->other->connection);
    (void)poll(ready, 2, 1000);
    take_all(one);
    if (one->other)
        take_all(one->other);
}

int main(int count, char **arguments) {
    const char *role = count > 3 ? arguments[2] : "";
    (void)signal(SIGPIPE, SIG_IGN);
    struct party above = {0}, below = {0};
    bool is_bridge = text_equal(role, "bridge") && count == 7;
    if (!is_bridge && !(text_equal(role, "echo") && count == 5) &&
        !(text_equal(role, "drive") && count == 8))
        measure_fail("run", "see the head of bench/exchange_amqp.c");
    const char *password = measure_first_line(arguments[1]);
    party_connect(&above, arguments[3], password);
    above.to = arguments[is_bridge ? 5 : 4];
    if (is_bridge) {
        party_connect(&below, arguments[4], password);
        below.to = arguments[6];
        above.other = &below;
        below.other = &above;
    }
    const struct driver driver = {&above, say, turn};
    struct drive drive;
    if (!text_equal(role, "drive"))
        drive_serve(&driver);
    above.drive = &drive;
    drive_run(&drive, &driver, arguments + 5);
    return 0;
}
