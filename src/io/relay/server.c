/* Whom the relay's words go to, and when it is asked again. */
#include "io/relay/server.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/keys/secret.h"

enum { tick_ms = 5000 };

uint64_t relay_server_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void tell(struct relay *relay, struct relay_account *account) {
    struct relay_server *server = container_of(relay, struct relay_server, relay);
    uint64_t *connection = &server->connections[account->number];
    for (size_t i = 0; i < relay_faces_most; i++)
        if (server->faces[i])
            server->faces[i]->tell(server->faces[i], account);
    if (*connection && *connection != account->connection)
        log_line(server->log, LOG_INFO, "relay-left", "account=%s", account->address);
    *connection = account->connection;
}

static void add_accounts(struct relay_server *server,
                         const struct relay_server_settings *settings) {
    uint64_t seed;
    secret_random(&seed, sizeof(seed));
    server->relay.tell = tell;
    relay_init(&server->relay, seed);
    for (size_t i = 0; i < settings->accounts_count; i++) {
        uint32_t number = relay_add(&server->relay, settings->accounts[i].address)->number;
        assert(number == i);
    }
    for (size_t i = 0; i < settings->pairs_count; i++)
        relay_allow(server->relay.accounts[settings->pairs[i].one],
                    server->relay.accounts[settings->pairs[i].other]);
}

struct relay_server *relay_server_new(const struct relay_server_settings *settings,
                                      struct error *err) {
    int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0) {
        (void)error_set(err, -errno, "make an eventfd for the relay: %s", strerror(errno));
        return NULL;
    }
    struct relay_server *server = memory_new(1, sizeof(*server));
    server->accounts = settings->accounts;
    server->log = settings->log;
    server->due_ms = UINT64_MAX;
    server->wake_fd = wake_fd;
    server->connections = memory_new(settings->accounts_count, sizeof(*server->connections));
    pthread_mutex_init(&server->lock, NULL);
    add_accounts(server, settings);
    return server;
}

void relay_server_free(struct relay_server *server) {
    if (!server)
        return;
    relay_deinit(&server->relay);
    memory_free(server->connections);
    close(server->wake_fd);
    pthread_mutex_destroy(&server->lock);
    memory_free(server);
}

void relay_server_lock(struct relay_server *server) { pthread_mutex_lock(&server->lock); }

void relay_server_unlock(struct relay_server *server) { pthread_mutex_unlock(&server->lock); }

static void replace_face(struct relay_server *server, struct relay_face *face,
                         struct relay_face *by) {
    size_t i = 0;
    relay_server_lock(server);
    while (i < relay_faces_most && server->faces[i] != face)
        i++;
    assert(i < relay_faces_most);
    server->faces[i] = by;
    relay_server_unlock(server);
}

void relay_server_add(struct relay_server *server, struct relay_face *face) {
    replace_face(server, NULL, face);
}

void relay_server_remove(struct relay_server *server, struct relay_face *face) {
    replace_face(server, face, NULL);
}

static void wake(struct relay_server *server) { (void)eventfd_write(server->wake_fd, 1); }

void relay_server_wake_by(struct relay_server *server, uint64_t due_ms) {
    if (due_ms < server->due_ms)
        wake(server);
}

void relay_server_open(struct relay_server *server, struct relay_account *account,
                       uint64_t connection) {
    relay_open(&server->relay, account, connection, relay_server_now_ms());
    wake(server);
    log_line(server->log, LOG_INFO, "relay-came", "account=%s", account->address);
    server->connections[account->number] = account->connection;
}

enum relay_sent relay_server_send(struct relay_server *server, struct relay_account *from,
                                  const struct relay_frame *frame) {
    static const char *const words[] = {
        [RELAY_SENT] = "passed", [RELAY_FULL] = "full", [RELAY_AWAY] = "away"};
    enum relay_sent sent = relay_send(&server->relay, from, frame, relay_server_now_ms());
    char to[limit_address_size + 8]; /* a client's word */
    log_line(server->log, LOG_DEBUG, "relay-frame", "from=%s to=%s bytes=%zu is=%s", from->address,
             log_quote(frame->to, to, sizeof(to)), frame->length, words[sent]);
    return sent;
}

int relay_server_tick(struct relay_server *server) {
    uint64_t due = UINT64_MAX, ignored;
    (void)eventfd_read(server->wake_fd, &ignored);
    relay_server_lock(server);
    uint64_t now = relay_server_now_ms(); /* behind what was served while we waited */
    relay_on_tick(&server->relay, now);
    for (size_t i = 0; i < relay_faces_most; i++) {
        struct relay_face *face = server->faces[i];
        uint64_t own = face && face->on_tick ? face->on_tick(face, now) : UINT64_MAX;
        due = own < due ? own : due;
    }
    uint64_t own = relay_deadline_ms(&server->relay);
    server->due_ms = own < due ? own : due;
    if (server->due_ms != UINT64_MAX && server->due_ms > now + tick_ms)
        server->due_ms = now + tick_ms; /* so that requests need not wake us as they end */
    due = server->due_ms;
    relay_server_unlock(server);
    return due == UINT64_MAX ? -1 : (int)(due > now ? due - now : 0);
}

int relay_server_wake_fd(const struct relay_server *server) { return server->wake_fd; }
