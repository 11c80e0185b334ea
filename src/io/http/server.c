/* When a request is answered, held, swallowed or dropped, in libmicrohttpd's terms; who holds a
 * connection that its client has left, which the sweeper finds; and how the server ends without
 * cutting answers short. */
#include "io/http/server.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/http/listen.h"

enum { tls_file_bytes = 1 << 20, sweep_ms = 1000, drain_ms = 2000 };

struct http_server {
    struct http_face *face;
    struct MHD_Daemon *daemon;
    struct http_socket socket;
    struct text certificate, key;
    pthread_t starter;
    struct error why; /* the library could not start */
    pthread_t sweeper;
    int stop_fd;  /* ends the sweeper */
    int empty_fd; /* told when the last request closes */
    pthread_mutex_t lock;
    struct list held;
    size_t open;
    bool stopping;
};

const char *http_header(const struct http_request *request, const char *name) {
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

static void resume_locked(struct http_request *request) {
    if (!request->held)
        return;
    request->held = false;
    request->resumed = true;
    list_remove(&request->held_node);
    MHD_resume_connection(request->connection);
}

static void drop_locked(struct http_request *request) {
    request->gone = true;
    resume_locked(request);
}

void http_hold(struct http_request *request) {
    struct http_server *server = request->server;
    MHD_suspend_connection(request->connection);
    pthread_mutex_lock(&server->lock);
    request->held = true;
    request->resumed = false;
    list_add(&server->held, &request->held_node);
    if (server->stopping)
        drop_locked(request);
    pthread_mutex_unlock(&server->lock);
}

void http_resume(struct http_request *request) {
    struct http_server *server = request->server;
    pthread_mutex_lock(&server->lock);
    resume_locked(request);
    pthread_mutex_unlock(&server->lock);
}

bool http_is_alone(const struct http_request *request) {
    struct http_server *server = request->server;
    pthread_mutex_lock(&server->lock);
    bool is_alone = server->open == 1;
    pthread_mutex_unlock(&server->lock);
    return is_alone;
}

/* The library does not watch suspended connections, so clients that went away are found here. */
static void sweep(struct http_server *server) {
    struct pollfd fds[http_connections];
    struct http_request *requests[http_connections];
    nfds_t count = 0;
    pthread_mutex_lock(&server->lock);
    list_for(struct http_request, request, &server->held, held_node) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (!info || count == http_connections)
            continue;
        requests[count] = request;
        fds[count++] = (struct pollfd){.fd = info->connect_fd, .events = POLLRDHUP};
    }
    if (count && poll(fds, count, 0) > 0)
        for (nfds_t i = 0; i < count; i++)
            if (fds[i].revents)
                drop_locked(requests[i]);
    pthread_mutex_unlock(&server->lock);
}

static void *sweeper_run(void *argument) {
    struct http_server *server = argument;
    struct pollfd stop = {.fd = server->stop_fd, .events = POLLIN};
    while (poll(&stop, 1, sweep_ms) <= 0)
        sweep(server);
    return NULL;
}

void http_answer(struct http_request *request, unsigned status, const char *content_type) {
    struct http_answer *answer = &request->answer;
    text_deinit(&answer->body);
    if (answer->file_fd >= 0)
        close(answer->file_fd);
    *answer = (struct http_answer){.status = status, .content_type = content_type, .file_fd = -1};
}

void http_answer_header(struct http_request *request, const char *name, const char *format, ...) {
    struct http_answer *answer = &request->answer;
    if (answer->headers_count == array_size(answer->headers))
        return;
    answer->headers[answer->headers_count].name = name;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(answer->headers[answer->headers_count++].value,
                    sizeof(answer->headers[0].value), format, arguments);
    va_end(arguments);
}

/* MHD_NO makes the library close the connection. */
static enum MHD_Result send_answer(struct http_request *request) {
    struct http_answer *answer = &request->answer;
    struct MHD_Response *response;
    request->stage = HTTP_AT_END;
    if (answer->file_fd >= 0) {
        response = MHD_create_response_from_fd_at_offset64(answer->file_bytes, answer->file_fd,
                                                           answer->file_offset);
        answer->file_fd = response ? -1 : answer->file_fd;
    } else {
        size_t length = answer->body.length;
        response = MHD_create_response_from_buffer_with_free_callback(
            length, length ? take(answer->body.data) : NULL, memory_free);
    }
    if (!response)
        return MHD_NO;
    if (answer->content_type)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                                      answer->content_type);
    for (size_t i = 0; i < answer->headers_count; i++)
        (void)MHD_add_response_header(response, answer->headers[i].name, answer->headers[i].value);
    enum MHD_Result queued = MHD_queue_response(request->connection, answer->status, response);
    MHD_destroy_response(response);
    return queued;
}

/* May the answer be sent while the body has not been read? */
static bool is_answered_early(const struct http_request *request) {
    const char *length = http_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return http_header(request, MHD_HTTP_HEADER_EXPECT) ||
           (length && strtoull(length, NULL, 10) > http_swallow_bytes);
}

static enum MHD_Result go_on(struct http_request *request, enum http_next next) {
    switch (next) {
    case HTTP_HOLD:
        return MHD_YES;
    case HTTP_READ:
        request->stage = HTTP_AT_BODY;
        return MHD_YES;
    case HTTP_DONE:
        if (request->stage == HTTP_AT_END || is_answered_early(request))
            return send_answer(request);
        request->stage = HTTP_AT_SWALLOW;
        return MHD_YES;
    }
    return MHD_NO;
}

static enum MHD_Result on_bytes(struct http_request *request, const char *bytes, size_t *length) {
    size_t taken = *length;
    *length = 0;
    if (request->stage == HTTP_AT_SWALLOW) {
        request->swallowed += taken;
        return request->swallowed > http_swallow_bytes ? MHD_NO : MHD_YES;
    }
    struct http_face *face = request->server->face;
    if (face->on_piece(face, request, bytes, taken) == HTTP_DONE)
        request->stage = HTTP_AT_SWALLOW; /* here the library takes no answer yet */
    return MHD_YES;
}

static enum MHD_Result add_parameter(void *context, enum MHD_ValueKind kind, const char *name,
                                     const char *value) {
    (void)kind;
    struct http_request *request = context;
    if (request->parameters_count == http_parameters) {
        request->parameters_full = true;
        return MHD_NO;
    }
    request->parameters[request->parameters_count++] =
        (struct http_pair){name, value ? value : ""};
    return MHD_YES;
}

static struct http_request *open_request(struct http_server *server,
                                         struct MHD_Connection *connection) {
    struct http_request *request = server->face->on_new(server->face);
    request->server = server;
    request->connection = connection;
    request->answer.file_fd = -1;
    list_init(&request->held_node);
    (void)MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_parameter, request);
    pthread_mutex_lock(&server->lock);
    server->open++;
    pthread_mutex_unlock(&server->lock);
    return request;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **slot,
                         enum MHD_RequestTerminationCode why) {
    (void)connection, (void)why;
    struct http_server *server = context;
    struct http_request *request = *slot;
    if (!request)
        return;
    *slot = NULL;
    pthread_mutex_lock(&server->lock);
    list_remove(&request->held_node);
    request->held = false;
    if (--server->open == 0)
        (void)eventfd_write(server->empty_fd, 1);
    pthread_mutex_unlock(&server->lock);
    text_deinit(&request->answer.body);
    if (request->answer.file_fd >= 0)
        close(request->answer.file_fd);
    server->face->on_closed(server->face, request);
}

/* The library calls this at the head, for each piece of the body, at its end, and once more
 * whenever a suspended connection was resumed. */
static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *bytes,
                                 size_t *length, void **slot) {
    (void)version;
    struct http_server *server = context;
    if (!*slot)
        *slot = open_request(server, connection);
    struct http_request *request = *slot;
    if (request->gone)
        return MHD_NO;
    if (*length)
        return on_bytes(request, bytes, length);
    if (request->resumed) {
        request->resumed = false;
        return go_on(request, server->face->on_resumed(server->face, request));
    }
    switch (request->stage) {
    case HTTP_AT_HEAD:
        request->method = method;
        request->path = url;
        return go_on(request, server->face->on_head(server->face, request));
    case HTTP_AT_BODY:
        request->stage = HTTP_AT_END;
        return go_on(request, server->face->on_complete(server->face, request));
    case HTTP_AT_SWALLOW:
        return send_answer(request);
    case HTTP_AT_END:
        break;
    }
    return MHD_NO;
}

/* The library tells why it cannot start (a key that does not fit) by its log alone, and on the
 * thread that starts it; what its own thread has to say of connections is not for us. */
static void on_library_log(void *context, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
static void on_library_log(void *context, const char *format, va_list arguments) {
    struct http_server *server = context;
    if (pthread_equal(pthread_self(), server->starter) && !server->why.text[0])
        (void)vsnprintf(server->why.text, sizeof(server->why.text), format, arguments);
}

static int read_file(const char *path, struct text *out, struct error *err) {
    char bytes[4096];
    ssize_t length;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, -errno, "open the TLS file %s: %s; check certificate_file and "
                         "key_file, and who may read them", path, strerror(errno));
    out->limit = tls_file_bytes;
    while ((length = read(fd, bytes, sizeof(bytes))) > 0)
        text_add_bytes(out, bytes, (size_t)length);
    int code = -errno;
    close(fd);
    if (length < 0)
        return error_set(err, code, "read the TLS file %s: %s", path, strerror(-code));
    return out->full ? error_set(err, -EFBIG, "the TLS file %s is over 1 MiB", path) : 0;
}

static int prepare(struct http_server *server, const struct http_server_settings *settings,
                   struct error *err) {
    const char *certificate = settings->tls_certificate_file, *key = settings->tls_key_file;
    if (!certificate != !key)
        return error_set(err, -EINVAL, "serve TLS on %s: %s is missing; set both the certificate "
                         "and the key, or none", settings->listen,
                         key ? "the certificate file" : "the key file");
    int result = http_listen(settings->listen, &server->socket, err);
    if (result < 0)
        return result;
    if (!certificate && server->socket.exposure == HTTP_OUTSIDE && !settings->plain_allowed)
        return error_set(err, -EPERM, "serve plain HTTP on %s: tokens would cross the network "
                         "unsealed; set certificate_file and key_file, listen on 127.0.0.1, or "
                         "say plain_http_off_loopback = yes", settings->listen);
    if (!certificate)
        return 0;
    result = read_file(certificate, &server->certificate, err);
    return result < 0 ? result : read_file(key, &server->key, err);
}

static int start_daemon(struct http_server *server, const char *listen_at, struct error *err) {
    /* not epoll: libmicrohttpd 0.9.75 then overlooks a client's end that comes with data */
    unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
                     MHD_USE_ITC | (server->certificate.length ? MHD_USE_TLS : 0U);
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, server->certificate.data},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, server->key.data},
        {MHD_OPTION_END, 0, NULL},
    };
    server->starter = pthread_self();
    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_access, server, MHD_OPTION_EXTERNAL_LOGGER, on_library_log,
        server, MHD_OPTION_LISTEN_SOCKET, server->socket.fd, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, server, MHD_OPTION_CONNECTION_LIMIT, (unsigned)http_connections,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)http_idle_seconds, MHD_OPTION_STRICT_FOR_CLIENT,
        1, MHD_OPTION_ARRAY, server->certificate.length ? tls : tls + 2, MHD_OPTION_END);
    if (!server->daemon)
        return error_set(err, -EIO, "serve HTTP on %s: %.*s; check that the certificate and the "
                         "key are PEM and belong together", listen_at,
                         (int)strcspn(server->why.text, "\n"), server->why.text);
    server->socket.fd = -1; /* the library's now */
    return 0;
}

static void server_free(struct http_server *server) {
    if (server->socket.fd >= 0)
        close(server->socket.fd);
    close(server->stop_fd);
    close(server->empty_fd);
    text_deinit(&server->certificate);
    text_deinit(&server->key);
    pthread_mutex_destroy(&server->lock);
    memory_free(server);
}

struct http_server *http_server_start(const struct http_server_settings *settings,
                                      struct http_face *face, struct error *err) {
    struct http_server *server = memory_new(1, sizeof(*server));
    server->face = face;
    server->socket.fd = -1;
    server->stop_fd = eventfd(0, EFD_CLOEXEC);
    server->empty_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&server->lock, NULL);
    list_init(&server->held);
    int result = 0;
    if (server->stop_fd < 0 || server->empty_fd < 0)
        result = error_set(err, -errno, "serve HTTP on %s: make an eventfd: %s", settings->listen,
                           strerror(errno));
    if (result == 0)
        result = prepare(server, settings, err);
    if (result == 0)
        result = start_daemon(server, settings->listen, err);
    if (result < 0) {
        server_free(server);
        return NULL;
    }
    result = pthread_create(&server->sweeper, NULL, sweeper_run, server);
    if (result) {
        error_set(err, -result, "serve HTTP on %s: start a thread: %s", settings->listen,
                  strerror(result));
        MHD_stop_daemon(server->daemon);
        server_free(server);
        return NULL;
    }
    return server;
}

uint16_t http_server_port(const struct http_server *server) { return server->socket.port; }

void http_server_stop(struct http_server *server) {
    int listening = MHD_quiesce_daemon(server->daemon);
    if (listening >= 0)
        close(listening);
    if (server->socket.path[0])
        (void)unlink(server->socket.path);
    uint64_t ignored;
    (void)eventfd_read(server->empty_fd, &ignored); /* older news */
    pthread_mutex_lock(&server->lock);
    size_t open = server->open;
    pthread_mutex_unlock(&server->lock);
    if (open) {
        struct pollfd empty = {.fd = server->empty_fd, .events = POLLIN};
        (void)poll(&empty, 1, drain_ms);
    }
    struct list *node, *following;
    pthread_mutex_lock(&server->lock);
    server->stopping = true; /* the library does not stop while a connection is suspended */
    list_each(node, following, &server->held)
        drop_locked(container_of(node, struct http_request, held_node));
    pthread_mutex_unlock(&server->lock);
    (void)eventfd_write(server->stop_fd, 1);
    pthread_join(server->sweeper, NULL);
    MHD_stop_daemon(server->daemon);
    server_free(server);
}
