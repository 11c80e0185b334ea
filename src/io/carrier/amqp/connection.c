/* The connection, its thread, what it says and hears: as much at a time as the socket has room for.
 *
 *            open               queue declared           close            closed, or cut
 *   DOWN ------------> CONNECTING -----------> UP ----------------> DOWN
 *     ^                    |                   |
 *     '--------------------'-------------------'   an error, no heartbeat, or a stuck socket
 */
#include "io/carrier/amqp/connection.h"

#include <amqp.h>
#include <amqp_ssl_socket.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "io/carrier/amqp/account.h"
#include "io/carrier/amqp/fault.h"
#include "io/carrier/guard.h"
#include "io/carrier/resolve.h"
#include "io/carrier/runner.h"
#include "io/carrier/socket.h"
#include "io/carrier/thread.h"
#include "message/limits.h"
#include "message/news.h"

enum {
    closing_ms = 1500,
    watch_ms = 50,
    only_channel = 1,
    frame_most = 16384,          /* of AMQP's own: more costs 50 kB of memory a connection */
    queue_messages = 8192,       /* that wait for one who is slow */
    queue_bytes = 4 << 20,
    message_ms = 30000,          /* until one that waits is dropped */
    socket_bytes = 200 << 10,    /* of its buffer, which takes twice as much */
    socket_waiting_most = 100 << 10, /* with a frame more, all still fits */
};

enum phase { PHASE_DOWN, PHASE_CONNECTING, PHASE_UP };

struct amqp_connection {
    struct carrier_runner runner;
    struct amqp_account account;
    _Atomic enum phase phase;
    pthread_mutex_t lock; /* guards `library` for who cuts it */
    struct carrier_guard guard;
    int opened_fd;        /* tells the watcher that the library has opened its socket */

    amqp_connection_state_t library; /* the thread's own, as all below */
    bool is_logged_in;
    struct resolve_addresses addresses;
    int fd;
    uint64_t due_ms;             /* CONNECTING: until then */
    struct news_reader saying;
    uint64_t moved_ms;           /* UP: when the socket last took something, or had nothing */
    int socket_waiting;
};

static void go_down(struct amqp_connection *amqp, enum carrier_cause_kind kind,
                    const char *detail) {
    carrier_outbox_close(&amqp->runner.outbox);
    carrier_cause_set(&amqp->runner.cause, kind, detail);
    amqp->phase = PHASE_DOWN;
}

/* ---- what went wrong ---- */

/* The broker's words for why it closes: a connection or a channel. */
static void go_down_by(struct amqp_connection *amqp, uint16_t code, amqp_bytes_t text) {
    char words[160];
    text_format(words, sizeof(words), "%.*s", (int)text.len, (const char *)text.bytes);
    go_down(amqp, amqp_fault_of_code(code, amqp->is_logged_in), words);
}

static void go_down_by_method(struct amqp_connection *amqp, const amqp_method_t *method) {
    if (method->id == AMQP_CONNECTION_CLOSE_METHOD) {
        const amqp_connection_close_t *close = method->decoded;
        go_down_by(amqp, close->reply_code, close->reply_text);
    } else if (method->id == AMQP_CHANNEL_CLOSE_METHOD) {
        const amqp_channel_close_t *close = method->decoded;
        go_down_by(amqp, close->reply_code, close->reply_text);
    } else {
        go_down(amqp, CARRIER_CAUSE_LOST, amqp_method_name(method->id));
    }
}

static void go_down_by_status(struct amqp_connection *amqp, int status) {
    go_down(amqp, amqp_fault_of_status(status, amqp->is_logged_in), amqp_error_string2(status));
}

static void go_down_by_reply(struct amqp_connection *amqp, amqp_rpc_reply_t reply) {
    if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION)
        go_down_by_method(amqp, &reply.reply);
    else
        go_down_by_status(amqp, reply.library_error);
}

/* True: it was answered as hoped. */
static bool is_well(struct amqp_connection *amqp, amqp_rpc_reply_t reply) {
    if (reply.reply_type != AMQP_RESPONSE_NORMAL)
        go_down_by_reply(amqp, reply);
    return reply.reply_type == AMQP_RESPONSE_NORMAL;
}

/* ---- going out ---- */

static amqp_bytes_t bytes_of(const char *text) { return amqp_cstring_bytes(text); }

static const char *const kind_names[NEWS_KIND_COUNT] = {
    [NEWS_FRAME] = "frame", [NEWS_UP] = "up", [NEWS_DOWN] = "down",
};

static void publish(struct amqp_connection *amqp, const struct news *news) {
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_USER_ID_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG,
        .type = bytes_of(kind_names[news->kind]),
        .user_id = bytes_of(amqp->account.user), /* the broker lets nobody name another */
        .delivery_mode = 1,
    };
    const amqp_bytes_t body = {news->length, (void *)(uintptr_t)news->bytes};
    int status = amqp_basic_publish(amqp->library, only_channel, amqp_empty_bytes,
                                    bytes_of(news->address), 1, 0, &properties, body);
    if (status != AMQP_STATUS_OK)
        go_down_by_status(amqp, status);
}

static void say_of_us(struct amqp_connection *amqp, enum news_kind kind, const char *to) {
    struct news news = {.kind = kind};
    auto_clean(text_deinit) struct text text = {0};
    text_set_sized(news.address, sizeof(news.address), to);
    news_add(&text, &news);
    news_reader_add(&amqp->saying, text.data, text.length);
}

/* Is there room in the socket, so that the library cannot get stuck in writing a frame? */
static bool has_room(struct amqp_connection *amqp) {
    int waiting = carrier_socket_bytes_waiting(amqp->fd);
    if (waiting < amqp->socket_waiting || !waiting) /* heartbeats of ours only add to it */
        amqp->moved_ms = carrier_now_ms();
    amqp->socket_waiting = waiting;
    return waiting < socket_waiting_most;
}

static void say_what_waits(struct amqp_connection *amqp) {
    struct news news;
    while (amqp->phase == PHASE_UP && has_room(amqp)) {
        if (news_reader_is_done(&amqp->saying)) {
            auto_clean(text_deinit) struct text text = {0};
            carrier_outbox_take(&amqp->runner.outbox, &text);
            if (!text.length)
                return;
            news_reader_add(&amqp->saying, text.data, text.length);
        }
        if (news_reader_next(&amqp->saying, &news) == NEWS_READ)
            publish(amqp, &news);
    }
    if (amqp->phase == PHASE_UP && carrier_now_ms() >= amqp->moved_ms + amqp->runner.ping_ms)
        go_down(amqp, CARRIER_CAUSE_FULL, "what we write stays in the socket");
}

/* ---- coming in ---- */

static bool is_text(amqp_bytes_t bytes, const char *text) {
    return bytes.len == strlen(text) && memcmp(bytes.bytes, text, bytes.len) == 0;
}

/* A peer that came after us has not heard that we are there: it is told so, once. */
static void on_peer(struct amqp_connection *amqp, const char *from, enum presence presence) {
    struct amqp_peer *peer = map_get(&amqp->account.by_address, from);
    if (peer && presence == PRESENCE_UP && !peer->is_answered)
        say_of_us(amqp, NEWS_UP, from);
    if (peer)
        peer->is_answered = presence == PRESENCE_UP;
    carrier_on_peer(&amqp->runner.line, from, presence);
}

/* Whose it is the broker vouches for by the user id, which the sender may leave out. */
static void take_message(struct amqp_connection *amqp, const amqp_message_t *message) {
    const amqp_basic_properties_t *about = &message->properties;
    const amqp_bytes_t type = about->type, user = about->user_id, body = message->body;
    const amqp_flags_t needed = AMQP_BASIC_USER_ID_FLAG | AMQP_BASIC_TYPE_FLAG;
    char from[limit_address_size], who[limit_address_size + 8];
    if ((about->_flags & needed) != needed ||
        !amqp_account_name(&amqp->account, user.bytes, user.len, from))
        return;
    if (is_text(type, kind_names[NEWS_UP]) || is_text(type, kind_names[NEWS_DOWN]))
        on_peer(amqp, from, is_text(type, "up") ? PRESENCE_UP : PRESENCE_DOWN);
    else if (body.len > limit_frame_hard)
        shell_log(amqp->runner.shell, LOG_WARNING, "frame-refused",
                  "link=%u from=%s bytes=%zu limit=%d", amqp->runner.link,
                  log_quote(from, who, sizeof(who)), body.len, limit_frame_hard);
    else if (body.len && is_text(type, kind_names[NEWS_FRAME]))
        carrier_runner_on_frame(&amqp->runner, from, body.bytes, body.len);
}

/* One that came back has reached nobody. */
static void take_return(struct amqp_connection *amqp, const amqp_frame_t *frame) {
    const amqp_basic_return_t *returned = frame->payload.method.decoded;
    char to[limit_address_size];
    text_format(to, sizeof(to), "%.*s", (int)returned->routing_key.len,
                (const char *)returned->routing_key.bytes);
    amqp_message_t message;
    if (!is_well(amqp, amqp_read_message(amqp->library, frame->channel, &message, 0)))
        return;
    amqp_destroy_message(&message);
    if (news_is_address(to))
        on_peer(amqp, to, PRESENCE_DOWN);
}

/* What is no message for us. */
static void take_other(struct amqp_connection *amqp) {
    const struct timeval none = {0};
    amqp_frame_t frame;
    int status = amqp_simple_wait_frame_noblock(amqp->library, &frame, &none);
    if (status != AMQP_STATUS_OK)
        go_down_by_status(amqp, status);
    else if (frame.frame_type == AMQP_FRAME_METHOD &&
             frame.payload.method.id == AMQP_BASIC_RETURN_METHOD)
        take_return(amqp, &frame);
    else if (frame.frame_type == AMQP_FRAME_METHOD)
        go_down_by_method(amqp, &frame.payload.method);
}

/* All that came; the library sends and judges heartbeats meanwhile. */
static void take_what_came(struct amqp_connection *amqp) {
    while (amqp->phase == PHASE_UP) {
        const struct timeval none = {0};
        amqp_envelope_t envelope;
        carrier_guard_see(&amqp->guard);
        amqp_maybe_release_buffers(amqp->library);
        amqp_rpc_reply_t reply = amqp_consume_message(amqp->library, &envelope, &none, 0);
        bool is_library = reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION;
        if (reply.reply_type == AMQP_RESPONSE_NORMAL) {
            take_message(amqp, &envelope.message);
            amqp_destroy_envelope(&envelope);
        } else if (is_library && reply.library_error == AMQP_STATUS_TIMEOUT) {
            return;
        } else if (is_library && reply.library_error == AMQP_STATUS_UNEXPECTED_STATE) {
            take_other(amqp);
        } else {
            go_down_by_reply(amqp, reply);
        }
    }
}

/* ---- connecting ---- */

static struct timeval time_left(const struct amqp_connection *amqp) {
    uint64_t now = carrier_now_ms(), left = amqp->due_ms > now ? amqp->due_ms - now : 1;
    return (struct timeval){(time_t)(left / 1000), (suseconds_t)(left % 1000 * 1000)};
}

/* Whether anybody listens there: the library neither tells why not nor can be stopped meanwhile. */
static bool is_reachable(struct amqp_connection *amqp) {
    struct resolve_addresses *addresses = &amqp->addresses;
    int failed = 0;
    if (!resolve_server(addresses, NULL, amqp->account.host, (uint16_t)amqp->account.port))
        go_down(amqp, CARRIER_CAUSE_NAME, NULL);
    else if (!resolve_reach(addresses, (int)amqp->runner.handshake_ms, &amqp->runner.is_closing,
                            &failed))
        go_down(amqp, failed == ECONNREFUSED ? CARRIER_CAUSE_REFUSED : CARRIER_CAUSE_UNREACHABLE,
                strerror(failed));
    return amqp->phase == PHASE_CONNECTING;
}

/* From here on, close_line can cut it. */
static amqp_socket_t *make_socket(struct amqp_connection *amqp) {
    amqp_connection_state_t library = amqp_new_connection();
    amqp_socket_t *made = amqp_ssl_socket_new(library);
    amqp_ssl_socket_set_verify_peer(made, 1);
    amqp_ssl_socket_set_verify_hostname(made, 1);
    amqp_ssl_socket_set_ssl_versions(made, AMQP_TLSv1_2, AMQP_TLSvLATEST);
    pthread_mutex_lock(&amqp->lock);
    amqp->library = library;
    pthread_mutex_unlock(&amqp->lock);
    return made;
}

static void cut(struct amqp_connection *amqp) {
    pthread_mutex_lock(&amqp->lock);
    int fd = amqp->library ? amqp_get_sockfd(amqp->library) : -1;
    if (fd >= 0 && amqp->phase == PHASE_CONNECTING)
        shutdown(fd, SHUT_RDWR);
    pthread_mutex_unlock(&amqp->lock);
}

/* The library connects and shakes hands in one call, and has the socket to be cut only somewhere in
 * it: so who is to be closed is looked after until it returns. */
static void *watch(void *argument) {
    struct amqp_connection *amqp = argument;
    struct pollfd opened = {.fd = amqp->opened_fd, .events = POLLIN};
    while (poll(&opened, 1, watch_ms) == 0)
        if (amqp->runner.is_closing)
            cut(amqp);
    return NULL;
}

static int open_watched(struct amqp_connection *amqp, amqp_socket_t *made) {
    struct timeval left = time_left(amqp);
    pthread_t watcher;
    struct error err;
    if (carrier_thread_start(&watcher, watch, amqp, &err))
        return AMQP_STATUS_NO_MEMORY;
    int status = amqp_socket_open_noblock(made, amqp->account.host, amqp->account.port, &left);
    eventfd_t ignored;
    eventfd_write(amqp->opened_fd, 1);
    pthread_join(watcher, NULL);
    eventfd_read(amqp->opened_fd, &ignored);
    return status;
}

static bool open_socket(struct amqp_connection *amqp) {
    amqp_socket_t *made = make_socket(amqp);
    if (amqp_ssl_socket_set_cacert(made, amqp->account.ca_file) != AMQP_STATUS_OK) {
        go_down(amqp, CARRIER_CAUSE_AUTHORITY, NULL);
        return false;
    }
    int status = open_watched(amqp, made);
    if (status != AMQP_STATUS_OK) {
        go_down_by_status(amqp, status);
        return false;
    }
    amqp->fd = amqp_get_sockfd(amqp->library);
    carrier_socket_tune(amqp->fd);
    carrier_socket_widen(amqp->fd, socket_bytes);
    return true;
}

static bool log_in(struct amqp_connection *amqp) {
    struct timeval left = time_left(amqp);
    int heartbeat = (int)(amqp->runner.ping_ms / 1500);
    amqp_set_handshake_timeout(amqp->library, &left);
    amqp_set_rpc_timeout(amqp->library, &left);
    amqp_rpc_reply_t reply =
        amqp_login(amqp->library, amqp->account.vhost, only_channel, frame_most,
                   heartbeat ? heartbeat : 1, AMQP_SASL_METHOD_PLAIN,
                   amqp->account.user, amqp->account.password);
    amqp->is_logged_in = is_well(amqp, reply);
    if (!amqp->is_logged_in)
        return false;
    amqp_channel_open(amqp->library, only_channel);
    return is_well(amqp, amqp_get_rpc_reply(amqp->library));
}

/* Our queue: ours alone, gone with the connection, bounded in messages, bytes and time. */
static bool declare_queue(struct amqp_connection *amqp) {
    amqp_table_entry_t bounds[] = {
        {bytes_of("x-max-length"), {.kind = AMQP_FIELD_KIND_I32, .value.i32 = queue_messages}},
        {bytes_of("x-max-length-bytes"), {.kind = AMQP_FIELD_KIND_I32, .value.i32 = queue_bytes}},
        {bytes_of("x-message-ttl"), {.kind = AMQP_FIELD_KIND_I32, .value.i32 = message_ms}},
    };
    const amqp_table_t arguments = {array_size(bounds), bounds};
    amqp_bytes_t name = bytes_of(amqp->account.address);
    amqp_queue_declare(amqp->library, only_channel, name, 0, 0, 1, 1, arguments);
    if (!is_well(amqp, amqp_get_rpc_reply(amqp->library)))
        return false;
    amqp_basic_consume(amqp->library, only_channel, name, amqp_empty_bytes, 0, 1, 1,
                       amqp_empty_table);
    return is_well(amqp, amqp_get_rpc_reply(amqp->library));
}

static void on_up(struct amqp_connection *amqp) {
    bool is_probe = carrier_runner_is_probe(&amqp->runner);
    struct error err = {0};
    if (carrier_guard_begin(&amqp->guard, amqp->fd, amqp->runner.ping_ms, &err)) {
        go_down(amqp, CARRIER_CAUSE_LOST, err.text);
        return;
    }
    amqp->phase = PHASE_UP;
    amqp->moved_ms = carrier_now_ms();
    for (size_t i = 0; i < amqp->account.peers_count && !is_probe; i++) {
        amqp->account.peers[i].is_answered = false;
        say_of_us(amqp, NEWS_UP, amqp->account.peers[i].address);
    }
    carrier_runner_on_up(&amqp->runner);
}

/* ---- the connection's life ---- */

static void say_good_bye(struct amqp_connection *amqp) {
    const struct timeval soon = {closing_ms / 1000, closing_ms % 1000 * 1000};
    carrier_outbox_close(&amqp->runner.outbox);
    for (size_t i = 0; amqp->runner.purpose == FAILOVER_USE && i < amqp->account.peers_count; i++)
        say_of_us(amqp, NEWS_DOWN, amqp->account.peers[i].address);
    say_what_waits(amqp);
    amqp_set_rpc_timeout(amqp->library, &soon);
    if (amqp->phase == PHASE_UP)
        amqp_connection_close(amqp->library, AMQP_REPLY_SUCCESS);
    go_down(amqp, CARRIER_CAUSE_NONE, NULL);
}

/* Waits for the socket, the outbox, or until a heartbeat may be due. */
static void take_turn(struct amqp_connection *amqp) {
    struct pollfd ready[] = {{.fd = amqp->fd, .events = POLLIN},
                             {.fd = amqp->runner.outbox.wake_fd, .events = POLLIN}};
    bool is_stuck = !news_reader_is_done(&amqp->saying);
    poll(ready, array_size(ready), is_stuck ? 10 : (int)(amqp->runner.ping_ms / 6));
    if (ready[1].revents)
        carrier_outbox_woken(&amqp->runner.outbox);
    take_what_came(amqp);
    say_what_waits(amqp);
    if (amqp->runner.is_closing && amqp->phase == PHASE_UP)
        say_good_bye(amqp);
    carrier_runner_serve_frames(&amqp->runner);
}

static void drop_library(struct amqp_connection *amqp) {
    pthread_mutex_lock(&amqp->lock);
    amqp_connection_state_t library = amqp->library;
    amqp->library = NULL;
    pthread_mutex_unlock(&amqp->lock);
    if (library)
        amqp_destroy_connection(library);
    text_deinit(&amqp->saying.held);
    amqp->saying = (struct news_reader){0};
}

/* One connection, from the first packet to the last. */
static void serve(struct carrier_runner *runner) {
    struct amqp_connection *amqp = container_of(runner, struct amqp_connection, runner);
    amqp->is_logged_in = false;
    amqp->phase = PHASE_CONNECTING;
    amqp->due_ms = carrier_now_ms() + amqp->runner.handshake_ms;
    bool is_up = !runner->is_closing && is_reachable(amqp) && open_socket(amqp) &&
                 log_in(amqp) && (carrier_runner_is_probe(runner) || declare_queue(amqp));
    if (is_up)
        on_up(amqp);
    while (amqp->phase == PHASE_UP)
        take_turn(amqp);
    go_down(amqp, CARRIER_CAUSE_LOST, NULL);
    if (carrier_guard_end(&amqp->guard))
        runner->cause = (struct carrier_cause){.kind = CARRIER_CAUSE_DEAD};
    drop_library(amqp);
}

/* ---- from outside ---- */

static struct amqp_connection *connection_of(struct carrier_line *line) {
    return container_of(line, struct amqp_connection, runner.line);
}

static struct carrier_line *make(const struct carrier_line_settings *settings,
                                 struct error *err) {
    struct amqp_connection *amqp = memory_new(1, sizeof(*amqp));
    amqp->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    if (amqp_account_init(&amqp->account, settings, err))
        goto no_account;
    amqp->opened_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (amqp->opened_fd < 0) {
        error_set(err, -errno, "make an eventfd for a connection: %s", strerror(errno));
        goto no_fd;
    }
    if (carrier_guard_init(&amqp->guard, err))
        goto no_guard;
    if (carrier_runner_init(&amqp->runner, settings, serve, err))
        goto no_runner;
    if (carrier_runner_start(&amqp->runner, err) == 0)
        return &amqp->runner.line;
    carrier_runner_deinit(&amqp->runner);
no_runner:
    carrier_guard_deinit(&amqp->guard);
no_guard:
    close(amqp->opened_fd);
no_fd:
    amqp_account_deinit(&amqp->account);
no_account:
    memory_free(amqp);
    return NULL;
}

static void open_line(struct carrier_line *line, enum failover_want purpose) {
    connection_of(line)->guard.due_ms = 0;
    carrier_runner_open(line, purpose);
}

static void close_line(struct carrier_line *line) {
    struct amqp_connection *amqp = connection_of(line);
    carrier_runner_close(line);
    carrier_guard_hurry(&amqp->guard, closing_ms);
    cut(amqp);
}

static void free_line(struct carrier_line *line) {
    struct amqp_connection *amqp = connection_of(line);
    amqp->runner.is_stopping = true;
    close_line(line);
    carrier_runner_stop(&amqp->runner);
    carrier_runner_deinit(&amqp->runner);
    carrier_guard_deinit(&amqp->guard);
    close(amqp->opened_fd);
    amqp_account_deinit(&amqp->account);
    pthread_mutex_destroy(&amqp->lock);
    memory_free(amqp);
}

static void prepare(void) { amqp_initialize_ssl_library(); }

const struct carrier_kind amqp_kind = {
    .name = "amqp",
    .prepare = prepare,
    .make = make,
    .open = open_line,
    .close = close_line,
    .send = carrier_runner_send,
    .flush = carrier_runner_flush,
    .free = free_line,
};
