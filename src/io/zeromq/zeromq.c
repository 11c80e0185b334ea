/* Options of the socket, parts of messages, and the library's monitor and ZAP (RFC 27) as calls. */
#include "io/zeromq/zeromq.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/memory.h"
#include "base/text.h"

enum {
    key_bytes = 32,
    waiting_most = 16,                         /* messages that the library keeps each way */
    message_most = relay_piece_bytes + 1024,   /* with what encryption adds */
    heartbeat_ms = 5000,
    heartbeat_due_ms = 15000,
    login_parts_most = 16,
    login_part_size = 256,
};

static const char monitor_place[] = "inproc://monitor", login_place[] = "inproc://zeromq.zap.01";

struct zeromq {
    bool is_server;
    void *context, *socket, *monitor, *logins;
    zmq_msg_t body; /* what a received message's bytes are in */
    char request[login_part_size]; /* the id of the login that waits for an answer */
    size_t request_length;
    char user[limit_address_size];
};

static bool set_number(struct zeromq *zeromq, int option, int value) {
    return zmq_setsockopt(zeromq->socket, option, &value, sizeof(value)) == 0;
}

static bool set_key(struct zeromq *zeromq, int option, const unsigned char *key) {
    return zmq_setsockopt(zeromq->socket, option, key, key_bytes) == 0;
}

static bool set_options(struct zeromq *zeromq, unsigned handshake_ms) {
    const int64_t most = message_most;
    const struct {
        int option, value;
    } all[] = {
        {ZMQ_LINGER, 0},
        {ZMQ_IMMEDIATE, 1}, /* nothing is sent before there is a connection */
        {ZMQ_SNDHWM, waiting_most},
        {ZMQ_RCVHWM, waiting_most},
        {ZMQ_HEARTBEAT_IVL, heartbeat_ms},
        {ZMQ_HEARTBEAT_TIMEOUT, heartbeat_due_ms},
        {ZMQ_HANDSHAKE_IVL, (int)handshake_ms},
        {ZMQ_IPV6, 1},
    };
    for (size_t i = 0; i < array_size(all); i++)
        if (!set_number(zeromq, all[i].option, all[i].value))
            return false;
    if (zmq_setsockopt(zeromq->socket, ZMQ_MAXMSGSIZE, &most, sizeof(most)))
        return false;
    return zeromq->is_server ? set_number(zeromq, ZMQ_ROUTER_MANDATORY, 1)
                             : set_number(zeromq, ZMQ_RECONNECT_IVL, -1);
}

static bool set_keys(struct zeromq *zeromq, const struct zeromq_keys *keys) {
    static const char domain[] = "isthmus"; /* without one, nobody would be asked for a login */
    if (zeromq->is_server)
        return set_number(zeromq, ZMQ_CURVE_SERVER, 1) &&
               set_key(zeromq, ZMQ_CURVE_SECRETKEY, keys->secret_key) &&
               zmq_setsockopt(zeromq->socket, ZMQ_ZAP_DOMAIN, domain, strlen(domain)) == 0;
    return set_key(zeromq, ZMQ_CURVE_SERVERKEY, keys->server_key) &&
           set_key(zeromq, ZMQ_CURVE_PUBLICKEY, keys->public_key) &&
           set_key(zeromq, ZMQ_CURVE_SECRETKEY, keys->secret_key);
}

static bool begin_monitor(struct zeromq *zeromq) {
    int events = ZMQ_EVENT_DISCONNECTED;
    if (!zeromq->is_server)
        events |= ZMQ_EVENT_CONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                  ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                  ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                  ZMQ_EVENT_CLOSED;
    return zmq_socket_monitor(zeromq->socket, monitor_place, events) == 0 &&
           (zeromq->monitor = zmq_socket(zeromq->context, ZMQ_PAIR)) &&
           zmq_connect(zeromq->monitor, monitor_place) == 0;
}

static bool begin_logins(struct zeromq *zeromq) {
    return !zeromq->is_server || ((zeromq->logins = zmq_socket(zeromq->context, ZMQ_REP)) &&
                                  zmq_bind(zeromq->logins, login_place) == 0);
}

struct zeromq *zeromq_new(const struct zeromq_keys *keys, unsigned handshake_ms,
                          struct error *err) {
    struct zeromq *zeromq = memory_new(1, sizeof(*zeromq));
    zeromq->is_server = !keys->server_key;
    zmq_msg_init(&zeromq->body);
    zeromq->context = zmq_ctx_new();
    if (zeromq->context && begin_logins(zeromq) &&
        (zeromq->socket =
             zmq_socket(zeromq->context, zeromq->is_server ? ZMQ_ROUTER : ZMQ_DEALER)) &&
        set_options(zeromq, handshake_ms) && set_keys(zeromq, keys) && begin_monitor(zeromq))
        return zeromq;
    (void)error_set(err, -errno, "make a ZeroMQ socket: %s", zmq_strerror(errno));
    zeromq_free(zeromq);
    return NULL;
}

/* The library's thread must not get stuck in telling events that nobody takes any more. */
void zeromq_free(struct zeromq *zeromq) {
    if (!zeromq)
        return;
    if (zeromq->socket)
        zmq_socket_monitor(zeromq->socket, NULL, 0);
    void *const sockets[] = {zeromq->monitor, zeromq->socket, zeromq->logins};
    for (size_t i = 0; i < array_size(sockets); i++)
        if (sockets[i])
            zmq_close(sockets[i]);
    zmq_msg_close(&zeromq->body);
    if (zeromq->context)
        zmq_ctx_term(zeromq->context);
    memory_free(zeromq);
}

int zeromq_connect(struct zeromq *zeromq, const char *where, struct error *err) {
    char endpoint[limit_address_size];
    text_format(endpoint, sizeof(endpoint), "tcp://%s", where);
    return zmq_connect(zeromq->socket, endpoint)
               ? error_set(err, -errno, "connect to %s: %s", where, zmq_strerror(errno))
               : 0;
}

int zeromq_listen(struct zeromq *zeromq, const char *where, struct error *err) {
    char endpoint[limit_address_size];
    text_format(endpoint, sizeof(endpoint), "tcp://%s", where);
    return zmq_bind(zeromq->socket, endpoint)
               ? error_set(err, -errno, "listen on %s by ZeroMQ: %s; free the port, or give "
                           "another", where, zmq_strerror(errno))
               : 0;
}

uint16_t zeromq_port(const struct zeromq *zeromq) {
    char endpoint[limit_address_size] = "";
    size_t size = sizeof(endpoint);
    const char *colon;
    if (zmq_getsockopt(zeromq->socket, ZMQ_LAST_ENDPOINT, endpoint, &size) ||
        !(colon = strrchr(endpoint, ':')))
        return 0;
    return (uint16_t)strtoul(colon + 1, NULL, 10);
}

bool zeromq_wait(struct zeromq *zeromq, int fd, bool has_to_send, int time_ms) {
    short wanted = (short)(ZMQ_POLLIN | (has_to_send ? ZMQ_POLLOUT : 0));
    zmq_pollitem_t ready[] = {
        {.fd = fd, .events = ZMQ_POLLIN},
        {.socket = zeromq->socket, .events = wanted},
        {.socket = zeromq->monitor, .events = ZMQ_POLLIN},
        {.socket = zeromq->logins, .events = ZMQ_POLLIN},
    };
    zmq_poll(ready, (int)array_size(ready) - !zeromq->is_server, time_ms);
    return ready[0].revents;
}

/* ---- messages ---- */

/* The next part of a message; false: there is none. */
static bool take_part(void *socket, zmq_msg_t *part) {
    return zmq_msg_recv(part, socket, ZMQ_DONTWAIT) >= 0;
}

/* What stands behind the parts that one looks for; true if anything did. */
static bool skip_rest(void *socket, bool has_more) {
    zmq_msg_t part;
    bool has_any = has_more;
    zmq_msg_init(&part);
    while (has_more && take_part(socket, &part))
        has_more = zmq_msg_more(&part);
    zmq_msg_close(&part);
    return has_any;
}

/* Who has sent it is what the login was answered with. */
static void take_sender(struct zeromq *zeromq, zmq_msg_t *part, struct zeromq_message *out) {
    const char *user = zmq_msg_gets(part, "User-Id");
    text_format(zeromq->user, sizeof(zeromq->user), "%s", user ? user : "");
    out->user = zeromq->user;
    out->fd = zmq_msg_get(part, ZMQ_SRCFD);
}

/* True: more parts follow. */
static bool take_peer(struct zeromq *zeromq, zmq_msg_t *part, struct zeromq_message *out) {
    out->peer.length = zmq_msg_size(part);
    if (out->peer.length > sizeof(out->peer.id))
        out->peer.length = 0; /* nobody's: the library allows no longer ones */
    memcpy(out->peer.id, zmq_msg_data(part), out->peer.length);
    return zmq_msg_more(part) && take_part(zeromq->socket, part);
}

bool zeromq_receive(struct zeromq *zeromq, struct zeromq_message *out) {
    zmq_msg_t part;
    *out = (struct zeromq_message){.word = RELAY_WORD_COUNT, .bytes = "", .user = "", .fd = -1};
    zmq_msg_close(&zeromq->body);
    zmq_msg_init(&zeromq->body);
    zmq_msg_init(&part);
    bool has_any = take_part(zeromq->socket, &part);
    bool has_word = has_any && (!zeromq->is_server || take_peer(zeromq, &part, out));
    if (has_word) {
        if (zeromq->is_server)
            take_sender(zeromq, &part, out);
        out->word = relay_word_find(zmq_msg_data(&part), zmq_msg_size(&part));
        if (zmq_msg_more(&part) && take_part(zeromq->socket, &zeromq->body)) {
            out->bytes = zmq_msg_data(&zeromq->body);
            out->length = zmq_msg_size(&zeromq->body);
            if (skip_rest(zeromq->socket, zmq_msg_more(&zeromq->body)))
                out->word = RELAY_WORD_COUNT;
        }
    }
    zmq_msg_close(&part);
    return has_any;
}

/* Parts behind the first one go where that went. */
enum zeromq_sent zeromq_send(struct zeromq *zeromq, const struct zeromq_message *message) {
    const char *name = relay_word_name(message->word);
    int more = message->length ? ZMQ_SNDMORE : 0;
    if (zeromq->is_server && zmq_send(zeromq->socket, message->peer.id, message->peer.length,
                                      ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0)
        return errno == EAGAIN ? ZEROMQ_FULL : ZEROMQ_AWAY;
    if (zmq_send(zeromq->socket, name, strlen(name), ZMQ_DONTWAIT | more) < 0)
        return errno == EAGAIN ? ZEROMQ_FULL : ZEROMQ_AWAY;
    if (more && zmq_send(zeromq->socket, message->bytes, message->length, ZMQ_DONTWAIT) < 0)
        return ZEROMQ_AWAY;
    return ZEROMQ_SENT;
}

/* ---- events and logins ---- */

static enum zeromq_event event_of(uint16_t event) {
    switch (event) {
    case ZMQ_EVENT_CONNECTED:
        return ZEROMQ_CONNECTED;
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        return ZEROMQ_READY;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        return ZEROMQ_REFUSED;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        return ZEROMQ_BROKEN;
    default:
        return ZEROMQ_ENDED;
    }
}

enum zeromq_event zeromq_next_event(struct zeromq *zeromq, int *out_fd) {
    struct {
        uint16_t event;
        int32_t value;
    } __attribute__((packed)) told;
    enum zeromq_event event = ZEROMQ_NOTHING;
    zmq_msg_t part;
    zmq_msg_init(&part);
    if (take_part(zeromq->monitor, &part)) {
        bool is_whole = zmq_msg_size(&part) == sizeof(told);
        if (is_whole) {
            memcpy(&told, zmq_msg_data(&part), sizeof(told));
            event = event_of(told.event);
            *out_fd = told.value;
        }
        skip_rest(zeromq->monitor, zmq_msg_more(&part));
    }
    zmq_msg_close(&part);
    return event;
}

/* Version, request, domain, address, routing id, mechanism, key. */
bool zeromq_next_login(struct zeromq *zeromq, unsigned char out_key[key_bytes]) {
    char parts[login_parts_most][login_part_size];
    int lengths[login_parts_most] = {0}, count = 0, more = 1;
    size_t size = sizeof(more);
    while (more && count < login_parts_most) {
        int length = zmq_recv(zeromq->logins, parts[count], login_part_size, ZMQ_DONTWAIT);
        if (length < 0)
            return false;
        lengths[count++] = length;
        if (zmq_getsockopt(zeromq->logins, ZMQ_RCVMORE, &more, &size))
            more = 0;
    }
    bool is_curve = count == 7 && !more && lengths[5] == 5 && !memcmp(parts[5], "CURVE", 5) &&
                    lengths[6] == key_bytes;
    zeromq->request_length = lengths[1] <= login_part_size ? (size_t)lengths[1] : 0;
    memcpy(zeromq->request, parts[1], zeromq->request_length);
    memset(out_key, 0, key_bytes); /* nobody's */
    if (is_curve)
        memcpy(out_key, parts[6], key_bytes);
    return true;
}

void zeromq_answer_login(struct zeromq *zeromq, const char *user) {
    const struct {
        const void *bytes;
        size_t length;
    } parts[] = {
        {"1.0", 3},
        {zeromq->request, zeromq->request_length},
        {user ? "200" : "400", 3},
        {"", 0},
        {user ? user : "", user ? strlen(user) : 0},
        {"", 0},
    };
    for (size_t i = 0; i < array_size(parts); i++)
        zmq_send(zeromq->logins, parts[i].bytes, parts[i].length,
                       ZMQ_DONTWAIT | (i + 1 < array_size(parts) ? ZMQ_SNDMORE : 0));
}
