/* The connections of one HTTP server: who may hold how many of them, how long each part of a
 * request may take, and who gives way where there is no room.
 *
 * A client has a time for a whole head, a whole body and for taking a whole answer, whatever it
 * drips meanwhile. Where its address, or the server, has no room for one more, that one goes whose
 * request has been incomplete for longest; where no request is incomplete, the new one hears so
 * in answer to its head. Whoever has to go is told first, in HTTP, but not within TLS: its session
 * is the library's. Knows sockets, no library, no clock; the caller holds a lock. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/list.h"
#include "io/http/problem.h"

enum {
    connections_spare = 64, /* beyond the limit: those that are told to go */
    connections_head_ms = 20000,
    connections_body_ms = 20000,   /* and more as it comes: connections_least_rate */
    connections_answer_ms = 30000, /* and more for a large one: connections_least_rate */
    connections_least_rate = 16384, /* bytes a second */
    connections_leave_ms = 1000,
    connections_refuse_ms = 5000,
};

/* CONNECTION_HEAD -> CONNECTION_BODY -> CONNECTION_HELD -> CONNECTION_BODY | CONNECTION_ANSWER,
 * CONNECTION_ANSWER -> CONNECTION_HEAD; each -> CONNECTION_LEAVING. */
enum connection_stage {
    CONNECTION_HEAD,    /* waits for the rest of a head */
    CONNECTION_BODY,    /* waits for the rest of a body */
    CONNECTION_HELD,    /* waits for us, without limit */
    CONNECTION_ANSWER,  /* waits for the client to take the answer */
    CONNECTION_LEAVING, /* was told to go, or is cut off: nothing is done for it any more */
};

struct connection_source;

enum { connection_from_size = 48 };

struct connection {
    struct list node; /* in the order in which their stages began */
    struct connection_source *source;
    int fd;
    char from[connection_from_size]; /* its address; "": of a Unix socket */
    enum connection_stage stage;
    uint64_t since_ms, moved_ms, bytes; /* of the stage */
    unsigned refused; /* 429 or 503: the status that answers its head; 0: it is let in */
    bool has_asked;   /* an earlier request was answered */
    bool is_admitted; /* its body comes after it was held, so we know whose it is: it is cut off for
                       * slowness alone */
};

struct connections {
    struct list all, sources;
    size_t most, most_of_address;
    size_t count, leaving; /* leaving: and refused */
    enum { CONNECTIONS_PLAIN, CONNECTIONS_SEALED } seal;
};

/* At most so many, and fewer where the process may have few descriptors: most of them stay free for
 * all else. */
void connections_init(struct connections *connections, size_t most, size_t most_of_address);
void connections_deinit(struct connections *connections); /* all are closed */

/* A client came, from a Unix socket or an IP address (IPv6: its /64 is one client). */
void connections_open(struct connections *connections, struct connection *connection,
                      const struct sockaddr *address, uint64_t now_ms);
void connections_close(struct connections *connections, struct connection *connection);

void connections_set_stage(struct connections *connections, struct connection *connection,
                           enum connection_stage stage, uint64_t now_ms);

/* So many bytes of its body came. */
void connections_moved(struct connection *connection, size_t bytes, uint64_t now_ms);

/* Ends all that took too long. */
void connections_sweep(struct connections *connections, uint64_t now_ms);

/* What a refused connection hears. */
void connections_explain(const struct connections *connections,
                         const struct connection *connection, struct problem *problem);
