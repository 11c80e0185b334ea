/* A relay as its faces share it: accounts and who reaches whom (core/relay), one lock around all,
 * and the time. A face is a protocol by which users come (http.h, zeromq.h); one may be connected
 * by the one and its peer by another.
 *
 * A face locks before it looks at `relay`, and is told under the lock, on whichever thread it is,
 * that there is something for an account: it then looks whether that is its own. */
#pragma once

#include <pthread.h>

#include "base/error.h"
#include "base/log.h"
#include "core/relay/relay.h"

struct relay_server;

struct relay_face {
    void (*tell)(struct relay_face *face, struct relay_account *account);
    /* Does what is due; when it wants to be called again (UINT64_MAX: never). NULL: nothing. */
    uint64_t (*on_tick)(struct relay_face *face, uint64_t now_ms);
};

enum { relay_faces_most = 2 };

struct relay_server_account {
    const char *address, *token;
};

/* Two that may reach each other, by their places among the accounts. */
struct relay_server_pair {
    size_t one, other;
};

struct relay_server_settings {
    const struct relay_server_account *accounts; /* read while the server is */
    size_t accounts_count;
    const struct relay_server_pair *pairs;
    size_t pairs_count;
    const struct log *log;
};

struct relay_server {
    struct relay relay;
    const struct relay_server_account *accounts; /* by their numbers in the relay */
    const struct log *log;
    pthread_mutex_t lock;
    struct relay_face *faces[relay_faces_most];
    uint64_t *connections; /* by account, that the log knows of */
    int wake_fd;
    uint64_t due_ms; /* that the next tick waits for */
};

/* NULL with `err`. */
struct relay_server *relay_server_new(const struct relay_server_settings *settings,
                                      struct error *err);
void relay_server_free(struct relay_server *server); /* its faces were stopped */

/* From now on it is told. */
void relay_server_add(struct relay_server *server, struct relay_face *face);
void relay_server_remove(struct relay_server *server, struct relay_face *face);

void relay_server_lock(struct relay_server *server);
void relay_server_unlock(struct relay_server *server);
uint64_t relay_server_now_ms(void);

/* Under the lock: the account is there by this connection, not zero. */
void relay_server_open(struct relay_server *server, struct relay_account *account,
                       uint64_t connection);

/* Under the lock: passes a frame on, and says in the log what became of it. */
enum relay_sent relay_server_send(struct relay_server *server, struct relay_account *from,
                                  const struct relay_frame *frame);

/* Under the lock: a face wants to be called at that time, if that is before all others. */
void relay_server_wake_by(struct relay_server *server, uint64_t due_ms);

/* Does what is due; the milliseconds until it wants to be called again, -1: when wake_fd is
 * readable, as it is whenever that has changed. */
int relay_server_tick(struct relay_server *server);
int relay_server_wake_fd(const struct relay_server *server);
