/* An HTTP/1.1 server (libmicrohttpd) on one thread of its own, for the faces built upon it
 * (rest/rest.c, image/serve.c). It knows connections, heads, bodies and TLS; it knows no routes.
 *
 * A face is a few functions, all called on the server's thread. A request goes
 *   on_head -> on_piece … -> on_complete -> answered -> on_closed
 * and may be held at on_head and on_complete: http_hold, return HTTP_HOLD, and any thread may
 * then http_resume it; on_resumed decides anew. A held connection costs no thread and has no
 * timeout; if its client goes away it is closed within two seconds. For how long a client may take
 * over its part, and how many connections it may hold, stands in connections.h. A head that two
 * servers could read in two ways (RFC 9112, 6.3) is refused here.
 *
 * Answered means: set request->answer (answer.h), return HTTP_DONE. What is left of the body is
 * swallowed first, so that the client reads the answer instead of a reset; a client that asked
 * (Expect) or has more than http_swallow_bytes to send is answered at once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"
#include "base/text.h"
#include "io/http/answer.h"
#include "io/http/connections.h"

enum {
    http_connections = 2400, /* at most; fewer where the process may have few descriptors */
    http_connections_of_address = 256,
    http_requests = http_connections + connections_spare, /* at a time, at the very most */
    http_parameters = 16,
    http_swallow_bytes = 16 << 20,
};

struct http_server;
struct MHD_Connection;

enum http_next { HTTP_READ, HTTP_HOLD, HTTP_DONE };
enum { HTTP_STREAM_ENDS = -1 };

struct http_pair {
    const char *name, *value;
};

/* One request; a face embeds it in a struct of its own. The texts live until on_closed. */
struct http_request {
    const char *method, *path; /* path: decoded, without the query */
    struct http_pair parameters[http_parameters];
    size_t parameters_count;
    bool parameters_full; /* there were more */
    const char *from;     /* the client's address; "": it came by a Unix socket */
    /* the server's own */
    struct http_server *server;
    struct MHD_Connection *library;
    struct connection *connection;
    struct list held_node;
    enum { HTTP_AT_HEAD, HTTP_AT_BODY, HTTP_AT_SWALLOW, HTTP_AT_END } stage;
    bool held, resumed, gone, is_last, woken, is_streamed;
    uint64_t swallowed;
    struct http_answer answer;
};

struct http_face {
    struct http_request *(*on_new)(struct http_face *face); /* zeroed */
    enum http_next (*on_head)(struct http_face *face, struct http_request *request);
    enum http_next (*on_piece)(struct http_face *face, struct http_request *request,
                               const char *bytes, size_t length); /* no HTTP_HOLD */
    enum http_next (*on_complete)(struct http_face *face, struct http_request *request);
    enum http_next (*on_resumed)(struct http_face *face, struct http_request *request);
    void (*on_closed)(struct http_face *face, struct http_request *request); /* frees */
    /* The next bytes of a stream, at most `room`; 0: there are none, so the connection is held
     * until http_wake; HTTP_STREAM_ENDS. NULL: the face has no streams. */
    long (*on_stream)(struct http_face *face, struct http_request *request, char *bytes,
                      size_t room);
};

struct http_server_settings {
    const char *listen;               /* "127.0.0.1:8080", "[::]:8443" (port 0: any free one),
                                     * "unix:/path" */
    const char *tls_certificate_file; /* PEM; both or none */
    const char *tls_key_file;
    bool plain_allowed;
    size_t connections; /* at a time; 0: http_connections */
    size_t connections_of_address; /* 0: http_connections_of_address */
};

/* Listens. Requests may come before this returns, and find *out_server set. Negative with `err`,
 * and *out_server NULL: the address is no address or taken, TLS files are bad, plain HTTP was asked
 * for off loopback without plain_allowed. */
int http_server_start(const struct http_server_settings *settings, struct http_face *face,
                      struct http_server **out_server, struct error *err);
uint16_t http_server_port(const struct http_server *server);

/* Serves new connections by the certificate and the key that the files have now; those that are
 * open go on. 1, or 0: they have not changed, or negative with `err`, and all is as it was. From
 * one thread at a time. */
int http_server_renew(struct http_server *server, struct error *err);
size_t http_server_most(const struct http_server *server); /* connections at a time */

/* Takes no new connections, gives open requests two seconds to end, cuts the rest: they are closed,
 * and none is called back after the return. */
void http_server_stop(struct http_server *server);

/* The value of a request's header, or NULL. */
const char *http_header(const struct http_request *request, const char *name);

/* Is it the only request that is open, held ones counted, but for streams? */
bool http_is_alone(const struct http_request *request);

/* Suspends the connection; before anything that may lead to http_resume. */
void http_hold(struct http_request *request);

/* Thread-safe, but the caller makes sure that on_closed was not called yet. Repeats do nothing. */
void http_resume(struct http_request *request);

/* A stream has bytes again, or its end; as http_resume. */
void http_wake(struct http_request *request);
