/* The floor of all that goes over a relay by ZeroMQ: libzmq and nothing else. As
 * bench/exchange_http.c, with one message for all that has come up to now:
 *
 *     bench-exchange-zeromq PASSWORD_FILE echo PLACE BRIDGE
 *     bench-exchange-zeromq PASSWORD_FILE bridge PLACE PLACE DRIVER ECHO
 *     bench-exchange-zeromq PASSWORD_FILE drive PLACE BRIDGE COUNT OUTSTANDING BYTES
 *
 * A PLACE is ADDRESS,PORT,SERVER_KEY. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "base/memory.h"
#include "drive.h"
#include "io/keys/curve_key.h"
#include "message/news.h"

struct party {
    void *socket;
    const char *to; /* where this party sends */
    struct text waiting;
    struct news_reader reader;
    struct party *other;
    struct drive *drive;
};

static void say_word(const struct party *party, const char *word, int flags) {
    if (zmq_send(party->socket, word, strlen(word), flags) < 0)
        measure_fail("send", zmq_strerror(zmq_errno()));
}

static void set_key(void *socket, int option, const unsigned char *key) {
    if (zmq_setsockopt(socket, option, key, curve_key_bytes))
        measure_fail("use a key", zmq_strerror(zmq_errno()));
}

static void party_connect(struct party *party, void *context, char *place, const char *password) {
    const char *address = strsep(&place, ","), *port = strsep(&place, ",");
    unsigned char server_key[curve_key_bytes];
    struct curve_pair own;
    struct error err;
    char where[64], answer[8] = "";
    const int linger = 0;
    if (!port || !place || curve_public_read(place, server_key, &err))
        measure_fail("read a place, written ADDRESS,PORT,SERVER_KEY", address);
    curve_pair_of_account(address, password, &own);
    party->socket = zmq_socket(context, ZMQ_DEALER);
    set_key(party->socket, ZMQ_CURVE_SERVERKEY, server_key);
    set_key(party->socket, ZMQ_CURVE_PUBLICKEY, own.public_key);
    set_key(party->socket, ZMQ_CURVE_SECRETKEY, own.secret_key);
    zmq_setsockopt(party->socket, ZMQ_LINGER, &linger, sizeof(linger));
    text_format(where, sizeof(where), "tcp://127.0.0.1:%s", port);
    if (zmq_connect(party->socket, where))
        measure_fail("connect", address);
    say_word(party, "open", 0);
    if (zmq_recv(party->socket, answer, sizeof(answer) - 1, 0) < 0 || !text_equal(answer, "open"))
        measure_fail("open a connection for", address);
}

static void say(struct party *party, const char *bytes, size_t length) {
    if (!news_add_frame(&party->waiting, party->to, bytes, length))
        measure_fail("say a frame to", party->to);
}

static void say_all(struct party *party) {
    for (size_t at = 0, length; at < party->waiting.length; at += length) {
        size_t rest = party->waiting.length - at;
        length = rest < relay_piece_bytes ? rest : relay_piece_bytes;
        say_word(party, "news", ZMQ_SNDMORE);
        if (zmq_send(party->socket, party->waiting.data + at, length, 0) < 0)
            measure_fail("send", zmq_strerror(zmq_errno()));
    }
    text_clear(&party->waiting);
}

static void handle(struct party *party, const struct news *news) {
    if (news->kind != NEWS_FRAME)
        return;
    if (party->drive)
        drive_receive(party->drive, news->bytes);
    else
        say(party->other ? party->other : party, news->bytes, news->length);
}

static void take_news(struct party *party, const char *bytes, size_t length) {
    struct news news;
    news_reader_add(&party->reader, bytes, length);
    while (news_reader_next(&party->reader, &news) == NEWS_READ)
        handle(party, &news);
}

/* A word, and what is behind it. */
static void take_all(struct party *party) {
    zmq_msg_t part;
    zmq_msg_init(&part);
    for (bool is_word = true; zmq_msg_recv(&part, party->socket, ZMQ_DONTWAIT) >= 0;
         is_word = !zmq_msg_more(&part))
        if (!is_word)
            take_news(party, zmq_msg_data(&part), zmq_msg_size(&part));
    zmq_msg_close(&part);
}

static void turn(struct party *one) {
    zmq_pollitem_t ready[] = {{.socket = one->socket, .events = ZMQ_POLLIN},
                              {.fd = -1, .events = ZMQ_POLLIN}};
    say_all(one);
    if (one->other) {
        say_all(one->other);
        ready[1] = (zmq_pollitem_t){.socket = one->other->socket, .events = ZMQ_POLLIN};
    }
    (void)zmq_poll(ready, one->other ? 2 : 1, 1000);
    take_all(one);
    if (one->other)
        take_all(one->other);
}

int main(int count, char **arguments) {
    const char *role = count > 3 ? arguments[2] : "";
    (void)signal(SIGPIPE, SIG_IGN);
    bool is_bridge = text_equal(role, "bridge") && count == 7;
    if (!is_bridge && !(text_equal(role, "echo") && count == 5) &&
        !(text_equal(role, "drive") && count == 8))
        measure_fail("run", "see the head of bench/exchange_zeromq.c");
    void *context = zmq_ctx_new();
    struct party above = {0}, below = {0};
    const char *password = measure_first_line(arguments[1]);
    party_connect(&above, context, arguments[3], password);
    above.to = arguments[is_bridge ? 5 : 4];
    if (is_bridge) {
        party_connect(&below, context, arguments[4], password);
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
