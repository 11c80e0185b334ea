/* An HTTP/1.1 server (libmicrohttpd) on one thread of its own, for the faces built upon it
 * (rest/rest.c, image/serve.c). It knows connections, heads, bodies and TLS; it knows no routes.
 *
 * A face is a few functions, all called on the server's thread. A request goes
 *   on_head -> on_piece … -> on_complete -> answered -> on_closed
 * and may be held at on_head and on_complete: http_hold, return HTTP_HOLD, and any thread may
 * then http_resume it; on_resumed decides anew. A held connection costs no thread and has no
 * timeout; if its client goes away it is closed within two seconds.
 *
 * Answered means: http_answer, return HTTP_DONE. What is left of the body is swallowed first, so
 * that the client reads the answer instead of a reset; a client that asked (Expect) or has more
 * than http_swallow_bytes to send is answered at once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"
#include "base/text.h"

enum {
    http_connections = 1000,
    http_idle_seconds = 30,
    http_parameters = 8,
    http_swallow_bytes = 16 << 20,
};

struct http_server;
struct MHD_Connection;

enum http_next { HTTP_READ, HTTP_HOLD, HTTP_DONE };

struct http_pair {
    const char *name, *value;
};

struct http_answer {
    unsigned status;
    const char *content_type; /* NULL: no body */
    struct text body;         /* taken; empty with a file */
    int file_fd;              /* a file of which a part is the body (taken); -1: none */
    uint64_t file_offset, file_bytes;
    struct {
        const char *name; /* constant */
        char value[160];
    } headers[6];
    size_t headers_count;
};

/* One request; a face embeds it in a struct of its own. The texts live until on_closed. */
struct http_request {
    const char *method, *path; /* path: decoded, without the query */
    struct http_pair parameters[http_parameters];
    size_t parameters_count;
    bool parameters_full; /* there were more */
    /* the server's own */
    struct http_server *server;
    struct MHD_Connection *connection;
    struct list held_node;
    enum { HTTP_AT_HEAD, HTTP_AT_BODY, HTTP_AT_SWALLOW, HTTP_AT_END } stage;
    bool held, resumed, gone;
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
};

struct http_server_settings {
    const char *listen;               /* "127.0.0.1:8080", "[::]:8443" (port 0: any free one),
                                     * "unix:/path" */
    const char *tls_certificate_file; /* PEM; both or none */
    const char *tls_key_file;
    bool plain_allowed;
};

/* Listens. NULL with `err`: the address is no address or taken, TLS files are bad, plain HTTP was
 * asked for off loopback without plain_allowed. */
struct http_server *http_server_start(const struct http_server_settings *settings,
                                      struct http_face *face, struct error *err);
uint16_t http_server_port(const struct http_server *server);

/* Takes no new connections, gives open requests two seconds to end, cuts the rest: they are closed,
 * and none is called back after the return. */
void http_server_stop(struct http_server *server);

/* The value of a request's header, or NULL. */
const char *http_header(const struct http_request *request, const char *name);

/* Is it the only request that is open, held ones counted? */
bool http_is_alone(const struct http_request *request);

/* Suspends the connection; before anything that may lead to http_resume. */
void http_hold(struct http_request *request);

/* Thread-safe, but the caller makes sure that on_closed was not called yet. Repeats do nothing. */
void http_resume(struct http_request *request);

/* Sets the answer; HTTP_DONE sends it. */
void http_answer(struct http_request *request, unsigned status, const char *content_type);
void http_answer_header(struct http_request *request, const char *name, const char *format, ...)
    format_checked(3, 4);
