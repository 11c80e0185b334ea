/* One socket of ZeroMQ (libzmq) with CURVE, as a relay listens on it or a user of a relay connects
 * by it: messages, logins, and what becomes of connections. Whoever has it uses it on one thread;
 * the library has threads of its own. Nothing here ever waits but zeromq_wait.
 *
 * facts: a client that chooses its own routing id may take another's, so a sender is known by what
 * its login was answered with, never by that; the library would send what waits after a
 * reconnection, so a socket has one connection and no other; it ends the process if memory or
 * descriptors for a new socket are lacking inside; a message in many parts is held until its last
 * one has come. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "message/limits.h"
#include "message/news.h"

struct zeromq;

/* Secret and public half of a key pair, and the public one of the other end; 32 bytes each. */
struct zeromq_keys {
    const unsigned char *public_key, *secret_key;
    const unsigned char *server_key; /* NULL: we are the server */
};

/* NULL with `err`. `handshake_ms`: until a connection has proven itself, or is cut. */
struct zeromq *zeromq_new(const struct zeromq_keys *keys, unsigned handshake_ms,
                          struct error *err);
void zeromq_free(struct zeromq *zeromq);

/* `where` is an IP address and a port: 127.0.0.1:8446, [::1]:8446; 0 for any that is free. */
int zeromq_connect(struct zeromq *zeromq, const char *where, struct error *err);
int zeromq_listen(struct zeromq *zeromq, const char *where, struct error *err);
uint16_t zeromq_port(const struct zeromq *zeromq);

/* Until there is something to receive, a login or an event, `fd` is readable (true) or the time is
 * over (-1: never); where `has_to_send`, also until something could be sent. */
bool zeromq_wait(struct zeromq *zeromq, int fd, bool has_to_send, int time_ms);

enum { zeromq_peer_most = 255 };

/* A connection as a server knows it. */
struct zeromq_peer {
    unsigned char id[zeromq_peer_most];
    size_t length;
};

struct zeromq_message {
    enum relay_word word; /* RELAY_WORD_COUNT: it is not understood */
    const char *bytes;    /* behind it; of one that was received, until the next one is */
    size_t length;
    struct zeromq_peer peer; /* server: from or to which connection */
    const char *user;        /* server: what its login was answered with */
    int fd;                  /* server: its socket */
};

/* False: there is none. */
bool zeromq_receive(struct zeromq *zeromq, struct zeromq_message *out);

enum zeromq_sent {
    ZEROMQ_SENT,
    ZEROMQ_FULL, /* as much as the library keeps waits for this connection already */
    ZEROMQ_AWAY, /* there is no such connection (any more) */
};
enum zeromq_sent zeromq_send(struct zeromq *zeromq, const struct zeromq_message *message);

enum zeromq_event {
    ZEROMQ_NOTHING,
    ZEROMQ_CONNECTED, /* client: by the socket *out_fd */
    ZEROMQ_READY,   /* client: both ends have proven their keys */
    ZEROMQ_REFUSED, /* client: the server does not know our key */
    ZEROMQ_BROKEN,  /* client: the handshake failed */
    ZEROMQ_ENDED,   /* the connection with the socket *out_fd */
};
enum zeromq_event zeromq_next_event(struct zeromq *zeromq, int *out_fd);

/* A server: whoever logs in waits for zeromq_answer_login. False: nobody does. */
bool zeromq_next_login(struct zeromq *zeromq, unsigned char out_key[32]);
void zeromq_answer_login(struct zeromq *zeromq, const char *user); /* NULL: refused */
