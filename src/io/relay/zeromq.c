/* Who says what, and what goes back. The sender of a message is what its login was answered with;
 * which connection an account has is known from its word `open` alone. An account's news wait in
 * the relay until the connection takes them; the library keeps a few pieces of them beside.
 *
 * The server's lock guards all but the socket, which is the face's own thread's. */
#include "io/relay/zeromq.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/list.h"
#include "base/memory.h"
#include "io/keys/curve_key.h"
#include "io/keys/secret.h"
#include "io/zeromq/zeromq.h"
#include "message/news.h"

enum { handshake_ms = 10000, full_ms = 10, batch = 64 };

/* What the face knows of an account. */
struct seat {
    char key[2 * curve_key_bytes + 1]; /* its public key, in hex */
    uint64_t connection;               /* by this face; 0: none */
    struct zeromq_peer peer;
    int fd;
    struct news_reader reader;
    struct text saying; /* news, of which `said` bytes are said */
    size_t said;
    char last[limit_address_size]; /* whom a frame did not reach */
    bool is_told;
    struct list told; /* where is_told */
};

struct relay_zeromq {
    struct relay_face face;
    struct relay_server *server;
    struct zeromq *zeromq;
    struct seat *seats; /* by account */
    struct map by_key;
    struct list told; /* seats with something to be said */
    bool is_serving;  /* the thread looks at them before it waits */
    pthread_t thread;
    int wake_fd;
    atomic_bool is_stopping;
};

static void tell(struct relay_face *base, struct relay_account *account) {
    struct relay_zeromq *face = container_of(base, struct relay_zeromq, face);
    struct seat *seat = &face->seats[account->number];
    if (!seat->connection || seat->is_told)
        return;
    seat->is_told = true;
    list_add(&face->told, &seat->told);
    if (!face->is_serving)
        (void)eventfd_write(face->wake_fd, 1);
}

static bool is_peer(const struct seat *seat, const struct zeromq_peer *peer) {
    return seat->connection && seat->peer.length == peer->length &&
           memcmp(seat->peer.id, peer->id, peer->length) == 0;
}

/* ---- going out ---- */

static enum zeromq_sent say(struct relay_zeromq *face, const struct zeromq_peer *peer,
                            enum relay_word word) {
    const struct zeromq_message message = {.word = word, .peer = *peer};
    return zeromq_send(face->zeromq, &message);
}

static void leave_seat(struct seat *seat) {
    seat->connection = 0;
    seat->fd = -1;
    text_deinit(&seat->saying);
    text_deinit(&seat->reader.held);
    seat->saying = (struct text){0};
    seat->reader = (struct news_reader){0};
    seat->said = 0;
    seat->last[0] = 0;
}

static struct relay_account *account_of(const struct relay_zeromq *face, const struct seat *seat) {
    return face->server->relay.accounts[seat - face->seats];
}

/* The connection is over: it was cut, or is not wanted any more. */
static void end_seat(struct relay_zeromq *face, struct seat *seat) {
    struct relay_account *account = account_of(face, seat);
    uint64_t connection = seat->connection;
    leave_seat(seat);
    if (relay_standing(account, connection) == RELAY_THERE)
        relay_close(&face->server->relay, account, relay_server_now_ms());
}

/* The next piece; false: there is none. */
static bool next_piece(struct relay_zeromq *face, struct seat *seat, struct zeromq_message *out) {
    struct relay_account *account = account_of(face, seat);
    if (seat->said == seat->saying.length && relay_has_news(account)) {
        text_deinit(&seat->saying);
        relay_take(account, &seat->saying);
        seat->said = 0;
    }
    size_t rest = seat->saying.length - seat->said;
    *out = (struct zeromq_message){
        .word = RELAY_WORD_NEWS,
        .bytes = text_data(&seat->saying) + seat->said,
        .length = rest < relay_piece_bytes ? rest : relay_piece_bytes,
        .peer = seat->peer,
    };
    return rest;
}

/* All that waits for it. False: it takes nothing more for now. */
static bool say_news(struct relay_zeromq *face, struct seat *seat) {
    struct zeromq_message piece;
    while (seat->connection && next_piece(face, seat, &piece)) {
        switch (zeromq_send(face->zeromq, &piece)) {
        case ZEROMQ_SENT:
            seat->said += piece.length;
            break;
        case ZEROMQ_FULL:
            return false;
        case ZEROMQ_AWAY:
            end_seat(face, seat);
            break;
        }
    }
    return true;
}

/* False: it is to be looked at again. */
static bool serve_seat(struct relay_zeromq *face, struct seat *seat) {
    if (!seat->connection)
        return true;
    switch (relay_standing(account_of(face, seat), seat->connection)) {
    case RELAY_THERE:
        return say_news(face, seat);
    case RELAY_REPLACED:
        say(face, &seat->peer, RELAY_WORD_REPLACED);
        leave_seat(seat);
        return true;
    case RELAY_GONE:
        say(face, &seat->peer, RELAY_WORD_GONE);
        leave_seat(seat);
        return true;
    }
    return true;
}

static void move_told(struct seat *seat, struct list *to) {
    list_remove(&seat->told);
    list_add(to, &seat->told);
}

/* True: some take nothing more for now. Whoever is told meanwhile is served, too. */
static bool serve_told(struct relay_zeromq *face) {
    struct list full, *node, *following;
    list_init(&full);
    while (!list_is_empty(&face->told)) {
        struct seat *seat = container_of(face->told.next, struct seat, told);
        move_told(seat, &full);
        if (!serve_seat(face, seat))
            continue;
        seat->is_told = false;
        list_remove(&seat->told);
    }
    list_each(node, following, &full)
        move_told(container_of(node, struct seat, told), &face->told);
    return !list_is_empty(&face->told);
}

/* ---- coming in ---- */

static void on_open(struct relay_zeromq *face, struct seat *seat,
                    const struct zeromq_message *message) {
    struct relay_account *account = account_of(face, seat);
    if (is_peer(seat, &message->peer)) {
        say(face, &seat->peer, RELAY_WORD_OPEN);
        return;
    }
    if (seat->connection) { /* another one with this account came, by this face, too */
        say(face, &seat->peer, RELAY_WORD_REPLACED);
        end_seat(face, seat);
    }
    while (!seat->connection)
        secret_random(&seat->connection, sizeof(seat->connection));
    seat->peer = message->peer;
    seat->fd = message->fd;
    relay_server_open(face->server, account, seat->connection);
    relay_listen(&face->server->relay, account, relay_server_now_ms());
    if (say(face, &seat->peer, RELAY_WORD_OPEN) != ZEROMQ_SENT)
        end_seat(face, seat);
}

/* Said in the stream of news, behind what waits; one who takes nothing is not told. */
static void tell_away(struct relay_zeromq *face, struct seat *seat, const char *address) {
    struct news away = {.kind = NEWS_DOWN};
    auto_clean(text_deinit) struct text line = {0};
    if (text_equal(seat->last, address))
        return;
    text_set(seat->last, address);
    text_set(away.address, address);
    news_add(&line, &away);
    if (seat->saying.length - seat->said + line.length > relay_told_bytes)
        return;
    text_add_bytes(&seat->saying, line.data, line.length);
    tell(&face->face, account_of(face, seat));
}

static void on_news(struct relay_zeromq *face, struct seat *seat,
                    const struct zeromq_message *message) {
    struct relay_account *account = account_of(face, seat);
    struct news news;
    enum news_read read;
    news_reader_add(&seat->reader, message->bytes, message->length);
    while ((read = news_reader_next(&seat->reader, &news)) == NEWS_READ &&
           news.kind == NEWS_FRAME) {
        const struct relay_frame frame = {news.address, news.bytes, news.length};
        if (relay_server_send(face->server, account, &frame) == RELAY_AWAY)
            tell_away(face, seat, news.address);
    }
    if (read == NEWS_PART)
        return;
    say(face, &seat->peer, RELAY_WORD_GONE); /* nothing that follows can be understood */
    end_seat(face, seat);
}

/* By a connection that has the account. */
static void on_word(struct relay_zeromq *face, struct seat *seat,
                    const struct zeromq_message *message) {
    switch (message->word) {
    case RELAY_WORD_PING:
        log_line(face->server->log, LOG_DEBUG, "relay-quiet", "account=%s",
                 account_of(face, seat)->address);
        say(face, &seat->peer, RELAY_WORD_PING);
        break;
    case RELAY_WORD_NEWS:
        on_news(face, seat, message);
        break;
    case RELAY_WORD_CLOSE:
        end_seat(face, seat);
        say(face, &message->peer, RELAY_WORD_CLOSE);
        break;
    case RELAY_WORD_PROBE:
    case RELAY_WORD_OPEN:
    case RELAY_WORD_REPLACED:
    case RELAY_WORD_GONE:
    case RELAY_WORD_COUNT:
        say(face, &seat->peer, RELAY_WORD_GONE);
        end_seat(face, seat);
        break;
    }
}

static void on_message(struct relay_zeromq *face, const struct zeromq_message *message) {
    const struct relay_account *account = relay_find(&face->server->relay, message->user);
    if (!account)
        return; /* nobody logs in without one */
    struct seat *seat = &face->seats[account->number];
    bool is_there = is_peer(seat, &message->peer) &&
                    relay_standing(account, seat->connection) == RELAY_THERE;
    if (message->word == RELAY_WORD_PROBE)
        say(face, &message->peer, RELAY_WORD_PROBE);
    else if (message->word == RELAY_WORD_OPEN)
        on_open(face, seat, message);
    else if (is_there)
        on_word(face, seat, message);
    else
        say(face, &message->peer,
            message->word == RELAY_WORD_CLOSE ? RELAY_WORD_CLOSE : RELAY_WORD_GONE);
}

/* A socket's number may be another connection's by the time that this one's end is heard of: so
 * ends are looked at before each message. */
static void take_ends(struct relay_zeromq *face) {
    int fd;
    while (zeromq_next_event(face->zeromq, &fd) != ZEROMQ_NOTHING)
        for (size_t i = 0; i < face->server->relay.accounts_count; i++)
            if (face->seats[i].connection && face->seats[i].fd == fd)
                end_seat(face, &face->seats[i]);
}

static void take_logins(struct relay_zeromq *face) {
    unsigned char key[curve_key_bytes];
    char hex[2 * curve_key_bytes + 1];
    while (zeromq_next_login(face->zeromq, key)) {
        curve_key_print(key, hex);
        const struct seat *seat = map_get(&face->by_key, hex);
        if (!seat)
            log_line(face->server->log, LOG_WARNING, "relay-refused", "key=%s", hex);
        zeromq_answer_login(face->zeromq, seat ? account_of(face, seat)->address : NULL);
    }
}

static bool take_batch(struct relay_zeromq *face) {
    struct zeromq_message message;
    size_t count = 0;
    relay_server_lock(face->server);
    face->is_serving = true;
    take_logins(face);
    while (count < batch && zeromq_receive(face->zeromq, &message)) {
        take_ends(face);
        on_message(face, &message);
        count++;
    }
    take_ends(face);
    bool is_full = serve_told(face);
    face->is_serving = false;
    relay_server_unlock(face->server);
    if (count < batch && zeromq_wait(face->zeromq, face->wake_fd, false, is_full ? full_ms : -1)) {
        eventfd_t ignored;
        (void)eventfd_read(face->wake_fd, &ignored);
    }
    return !face->is_stopping;
}

static void *run(void *argument) {
    struct relay_zeromq *face = argument;
    while (take_batch(face))
        continue;
    return NULL;
}

/* ---- from outside ---- */

uint16_t relay_zeromq_port(const struct relay_zeromq *face) { return zeromq_port(face->zeromq); }

static void free_face(struct relay_zeromq *face) {
    relay_server_remove(face->server, &face->face);
    for (size_t i = 0; i < face->server->relay.accounts_count; i++)
        leave_seat(&face->seats[i]);
    zeromq_free(face->zeromq);
    map_deinit(&face->by_key);
    if (face->wake_fd >= 0)
        close(face->wake_fd);
    memory_free(face->seats);
    memory_free(face);
}

static void add_seats(struct relay_zeromq *face) {
    const struct relay_server *server = face->server;
    size_t count = server->relay.accounts_count;
    uint64_t seed;
    secret_random(&seed, sizeof(seed));
    map_init(&face->by_key, seed);
    face->seats = memory_new(count, sizeof(*face->seats));
    list_init(&face->told);
    for (size_t i = 0; i < count; i++) {
        struct curve_pair pair;
        struct seat *seat = &face->seats[i];
        curve_pair_of_account(server->accounts[i].address, server->accounts[i].token, &pair);
        curve_key_print(pair.public_key, seat->key);
        curve_pair_erase(&pair);
        leave_seat(seat);
        map_put(&face->by_key, seat->key, seat);
    }
}

static struct zeromq *listen_by(const struct relay_zeromq_settings *settings, struct error *err) {
    struct curve_pair pair;
    curve_pair_of_file(settings->key_line, &pair);
    const struct zeromq_keys keys = {pair.public_key, pair.secret_key, NULL};
    struct zeromq *zeromq = zeromq_new(&keys, handshake_ms, err);
    curve_pair_erase(&pair);
    if (!zeromq || zeromq_listen(zeromq, settings->listen, err) == 0)
        return zeromq;
    zeromq_free(zeromq);
    return NULL;
}

static int start_thread(struct relay_zeromq *face, struct error *err) {
    int failed = pthread_create(&face->thread, NULL, run, face);
    return failed ? error_set(err, -failed, "start a thread for ZeroMQ: %s", strerror(failed)) : 0;
}

struct relay_zeromq *relay_zeromq_start(struct relay_server *server,
                                        const struct relay_zeromq_settings *settings,
                                        struct error *err) {
    struct relay_zeromq *face = memory_new(1, sizeof(*face));
    face->face.tell = tell;
    face->server = server;
    add_seats(face);
    relay_server_add(server, &face->face);
    face->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (face->wake_fd < 0)
        (void)error_set(err, -errno, "make an eventfd for the relay: %s", strerror(errno));
    else if ((face->zeromq = listen_by(settings, err)) && start_thread(face, err) == 0)
        return face;
    free_face(face);
    return NULL;
}

void relay_zeromq_stop(struct relay_zeromq *face) {
    if (!face)
        return;
    face->is_stopping = true;
    (void)eventfd_write(face->wake_fd, 1);
    pthread_join(face->thread, NULL);
    free_face(face);
}
