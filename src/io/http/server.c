/* When a request is answered, held, swallowed or dropped, in libmicrohttpd's terms; who holds a
 * connection that its client has left, which the sweeper finds; and how the server ends without
 * cutting answers short. Which client is late or has too many connections, connections.c
 * decides. */
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
#include <strings.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/http/framing.h"
#include "io/http/listen.h"
#include "io/http/sweeper.h"
#include "io/http/tls.h"
#include "message/codec.h"

enum { drain_ms = 2000, older_most = 8, stream_block = 1024 };

/* The library serves one certificate from its start on. When that is renewed another one of its
 * daemons takes the new connections, and the older one ends with its last. */
struct serving {
    struct MHD_Daemon *daemon;
    struct tls_pair pair;
};

struct http_server {
    struct http_face *face;
    struct serving serving, older[older_most];
    size_t older_count;
    struct http_socket socket;
    char *listen_at;
    struct tls_files files;
    pthread_t starter;
    struct error why; /* the library could not start */
    struct sweeper sweeper;
    int empty_fd; /* told when the last request closes */
    pthread_mutex_t lock;
    struct connections connections;
    struct pollfd *sweep_fds; /* the sweeper's: as many as there can be requests */
    struct http_request **sweep_requests;
    struct list held;
    size_t open, streams; /* streams: of those that are open */
    bool stopping;
};

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

const char *http_header(const struct http_request *request, const char *name) {
    return MHD_lookup_connection_value(request->library, MHD_HEADER_KIND, name);
}

static void resume_locked(struct http_request *request) {
    if (!request->held)
        return;
    request->held = false;
    request->resumed = true;
    list_remove(&request->held_node);
    MHD_resume_connection(request->library);
}

static void drop_locked(struct http_request *request) {
    request->gone = true;
    resume_locked(request);
}

static void hold_locked(struct http_request *request) {
    struct http_server *server = request->server;
    request->held = true;
    request->resumed = false;
    connections_set_stage(&server->connections, request->connection, CONNECTION_HELD, now_ms());
    list_add(&server->held, &request->held_node);
    if (server->stopping)
        drop_locked(request);
}

void http_hold(struct http_request *request) {
    MHD_suspend_connection(request->library);
    pthread_mutex_lock(&request->server->lock);
    hold_locked(request);
    pthread_mutex_unlock(&request->server->lock);
}

void http_wake(struct http_request *request) {
    pthread_mutex_lock(&request->server->lock);
    request->woken = true;
    resume_locked(request);
    pthread_mutex_unlock(&request->server->lock);
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
    bool is_alone = server->open - server->streams == 1;
    pthread_mutex_unlock(&server->lock);
    return is_alone;
}

static void end_serving(struct serving *serving) {
    MHD_stop_daemon(serving->daemon);
    tls_pair_deinit(&serving->pair);
    *serving = (struct serving){0};
}

/* Ends older ones that have no connection any more; from the sweeper's thread. */
static void end_older(struct http_server *server) {
    for (bool found = true; found;) {
        struct serving ended = {0};
        pthread_mutex_lock(&server->lock);
        for (size_t i = 0; i < server->older_count && !ended.daemon; i++) {
            if (MHD_get_daemon_info(server->older[i].daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
                    ->num_connections)
                continue;
            ended = server->older[i];
            server->older[i] = server->older[--server->older_count];
        }
        pthread_mutex_unlock(&server->lock);
        found = ended.daemon;
        if (found)
            end_serving(&ended);
    }
}

/* The library does not watch suspended connections, so clients that went away are found here; and
 * it lets a client take its time, as long as it drips. */
static void sweep(void *context) {
    struct http_server *server = context;
    struct pollfd *fds = server->sweep_fds;
    struct http_request **requests = server->sweep_requests;
    nfds_t count = 0;
    pthread_mutex_lock(&server->lock);
    list_for(struct http_request, request, &server->held, held_node) {
        requests[count] = request;
        fds[count++] = (struct pollfd){.fd = request->connection->fd, .events = POLLRDHUP};
    }
    if (count && poll(fds, count, 0) > 0)
        for (nfds_t i = 0; i < count; i++)
            if (fds[i].revents)
                drop_locked(requests[i]);
    connections_sweep(&server->connections, now_ms());
    pthread_mutex_unlock(&server->lock);
    end_older(server);
}

static void set_stage(struct http_request *request, enum connection_stage stage, uint64_t bytes) {
    struct http_server *server = request->server;
    pthread_mutex_lock(&server->lock);
    if (request->connection->stage == CONNECTION_LEAVING) {
        request->gone = true;
    } else {
        connections_set_stage(&server->connections, request->connection, stage, now_ms());
        connections_moved(request->connection, bytes, now_ms());
    }
    pthread_mutex_unlock(&server->lock);
}

/* Its client left, or was told to go. */
static bool is_gone(struct http_request *request) {
    struct http_server *server = request->server;
    pthread_mutex_lock(&server->lock);
    bool is_gone = request->gone || request->connection->stage == CONNECTION_LEAVING;
    pthread_mutex_unlock(&server->lock);
    return is_gone;
}

/* What is told while the face looks for bytes is not slept through: it looks once more. */
static ssize_t on_stream(void *context, uint64_t at, char *bytes, size_t room) {
    (void)at;
    struct http_request *request = context;
    struct http_server *server = request->server;
    long length = 0;
    for (bool again = true; again && !length;) {
        if (is_gone(request))
            return MHD_CONTENT_READER_END_WITH_ERROR;
        length = server->face->on_stream(server->face, request, bytes, room);
        pthread_mutex_lock(&server->lock);
        again = request->woken;
        request->woken = false;
        if (!length && !again) {
            MHD_suspend_connection(request->library);
            hold_locked(request);
        }
        pthread_mutex_unlock(&server->lock);
    }
    if (length > 0)
        set_stage(request, CONNECTION_ANSWER, 0);
    return length < 0 ? MHD_CONTENT_READER_END_OF_STREAM : length;
}

/* MHD_NO makes the library close the connection. */
static enum MHD_Result send_answer(struct http_request *request) {
    struct http_answer *answer = &request->answer;
    struct MHD_Response *response;
    request->stage = HTTP_AT_END;
    set_stage(request, CONNECTION_ANSWER,
              answer->file_fd >= 0 ? answer->file_bytes : answer->body.length);
    if (request->gone)
        return MHD_NO;
    pthread_mutex_lock(&request->server->lock);
    request->is_streamed = answer->is_stream;
    request->server->streams += answer->is_stream ? 1 : 0;
    pthread_mutex_unlock(&request->server->lock);
    if (answer->is_stream) {
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, stream_block, on_stream,
                                                     request, NULL);
    } else if (answer->file_fd >= 0) {
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
        (void)MHD_add_response_header(response, answer->headers[i].name, answer_value(answer, i));
    enum MHD_Result queued = MHD_queue_response(request->library, answer->status, response);
    MHD_destroy_response(response);
    return queued;
}

/* May the answer be sent while the body has not been read? */
static bool is_answered_early(const struct http_request *request) {
    const char *length = http_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return request->is_last || http_header(request, MHD_HTTP_HEADER_EXPECT) ||
           (length && strtoull(length, NULL, 10) > http_swallow_bytes);
}

static enum MHD_Result go_on(struct http_request *request, enum http_next next) {
    switch (next) {
    case HTTP_HOLD:
        return MHD_YES;
    case HTTP_READ:
        request->stage = HTTP_AT_BODY;
        set_stage(request, CONNECTION_BODY, 0);
        return MHD_YES;
    case HTTP_DONE:
        if (request->stage == HTTP_AT_END || is_answered_early(request))
            return send_answer(request);
        request->stage = HTTP_AT_SWALLOW;
        set_stage(request, CONNECTION_BODY, 0);
        return MHD_YES;
    }
    return MHD_NO;
}

static enum MHD_Result on_bytes(struct http_request *request, const char *bytes, size_t *length) {
    size_t taken = *length;
    *length = 0;
    pthread_mutex_lock(&request->server->lock);
    connections_moved(request->connection, taken, now_ms());
    pthread_mutex_unlock(&request->server->lock);
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

/* NULL: there is no place for it, which only those that are told to go can meet. */
static struct http_request *open_request(struct http_server *server,
                                         struct MHD_Connection *library) {
    pthread_mutex_lock(&server->lock);
    bool is_full = server->open == server->connections.most + connections_spare;
    server->open += is_full ? 0 : 1;
    pthread_mutex_unlock(&server->lock);
    if (is_full)
        return NULL;
    struct http_request *request = server->face->on_new(server->face);
    request->server = server;
    request->library = library;
    request->connection =
        MHD_get_connection_info(library, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    request->answer.file_fd = -1;
    request->from = request->connection->from;
    list_init(&request->held_node);
    (void)MHD_get_connection_values(library, MHD_GET_ARGUMENT_KIND, add_parameter, request);
    return request;
}

/* A client comes, or its connection is closed. */
static void on_connection(void *context, struct MHD_Connection *library, void **slot,
                          enum MHD_ConnectionNotificationCode what) {
    struct http_server *server = context;
    struct connection *connection = *slot;
    pthread_mutex_lock(&server->lock);
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        connections_close(&server->connections, connection);
        memory_free(connection);
        *slot = NULL;
    } else {
        *slot = connection = memory_new(1, sizeof(*connection));
        connection->fd = MHD_get_connection_info(library, MHD_CONNECTION_INFO_CONNECTION_FD)
                             ->connect_fd;
        const struct sockaddr *address =
            MHD_get_connection_info(library, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
        connections_open(&server->connections, connection, address, now_ms());
    }
    pthread_mutex_unlock(&server->lock);
}

static void on_completed(void *context, struct MHD_Connection *library, void **slot,
                         enum MHD_RequestTerminationCode why) {
    (void)library, (void)why;
    struct http_server *server = context;
    struct http_request *request = *slot;
    if (!request)
        return;
    *slot = NULL;
    pthread_mutex_lock(&server->lock);
    list_remove(&request->held_node);
    request->held = false;
    if (request->connection->stage != CONNECTION_LEAVING)
        connections_set_stage(&server->connections, request->connection, CONNECTION_HEAD,
                              now_ms());
    server->streams -= request->is_streamed ? 1 : 0;
    if (--server->open == 0)
        (void)eventfd_write(server->empty_fd, 1);
    pthread_mutex_unlock(&server->lock);
    answer_deinit(&request->answer);
    server->face->on_closed(server->face, request);
}

static enum MHD_Result count_header(void *context, enum MHD_ValueKind kind, const char *name,
                                    const char *value) {
    (void)kind;
    framing_count(context, name, value ? value : "");
    return MHD_YES;
}

static bool is_framed(const struct http_request *request, struct problem *problem) {
    struct framing framing = {0};
    (void)MHD_get_connection_values(request->library, MHD_HEADER_KIND, count_header, &framing);
    return framing_is_right(&framing, problem);
}

static enum http_next begin(struct http_request *request) {
    struct http_server *server = request->server;
    struct problem problem;
    request->is_last = true;
    if (request->connection->refused)
        connections_explain(&server->connections, request->connection, &problem);
    else if (is_framed(request, &problem))
        request->is_last = false;
    if (!request->is_last)
        return server->face->on_head(server->face, request);
    answer_problem(&request->answer, &problem);
    answer_header(&request->answer, "Connection", "close");
    return HTTP_DONE;
}

/* The library calls this at the head, for each piece of the body, at its end, and once more
 * whenever a suspended connection was resumed. */
static enum MHD_Result on_access(void *context, struct MHD_Connection *library, const char *url,
                                 const char *method, const char *version, const char *bytes,
                                 size_t *length, void **slot) {
    (void)version;
    struct http_server *server = context;
    if (!*slot)
        *slot = open_request(server, library);
    struct http_request *request = *slot;
    if (!request || is_gone(request))
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
        return go_on(request, begin(request));
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

static int prepare(struct http_server *server, const struct http_server_settings *settings,
                   struct error *err) {
    server->listen_at = memory_text(settings->listen);
    server->files = (struct tls_files){memory_text(settings->tls_certificate_file),
                                       memory_text(settings->tls_key_file)};
    if (tls_files_check(&server->files, settings->listen, err) < 0 ||
        http_listen(settings->listen, &server->socket, err) < 0)
        return err->code;
    if (!server->files.certificate && server->socket.exposure == HTTP_OUTSIDE &&
        !settings->plain_allowed)
        return error_set(err, -EPERM, "serve plain HTTP on %s: tokens would cross the network "
                         "unsealed; set certificate_file and key_file, listen on 127.0.0.1, or "
                         "say plain_http_off_loopback = yes", settings->listen);
    return tls_pair_read(&server->serving.pair, &server->files, err);
}

/* Serves what comes to the socket, which is the library's then. */
static int start_serving(struct http_server *server, struct serving *serving, int fd,
                         struct error *err) {
    /* not epoll: libmicrohttpd 0.9.75 then overlooks a client's end that comes with data */
    unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
                     MHD_USE_ITC | (serving->pair.key.length ? MHD_USE_TLS : 0U);
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, serving->pair.certificate.data},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, serving->pair.key.data},
        {MHD_OPTION_END, 0, NULL},
    };
    server->starter = pthread_self();
    server->why = (struct error){0};
    serving->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_access, server, MHD_OPTION_EXTERNAL_LOGGER, on_library_log,
        server, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, server, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)server->connections.most + connections_spare,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY,
        serving->pair.key.length ? tls : tls + 2, MHD_OPTION_END);
    if (!serving->daemon)
        return error_set(err, -EIO, "serve HTTP on %s: %.*s; check that the certificate and the "
                         "key are PEM and belong together", server->listen_at,
                         (int)strcspn(server->why.text, "\n"), server->why.text);
    return 0;
}

static int take_over(struct http_server *server, struct serving *fresh, struct error *err) {
    int fd = MHD_get_daemon_info(server->serving.daemon, MHD_DAEMON_INFO_LISTEN_FD)->listen_fd;
    pthread_mutex_lock(&server->lock);
    bool is_full = server->older_count == older_most;
    pthread_mutex_unlock(&server->lock);
    if (is_full)
        return error_set(err, -EBUSY, "serve HTTP on %s: answers by %d older certificates are "
                         "under way; try again later", server->listen_at, older_most);
    fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return error_set(err, -errno, "serve HTTP on %s: %s", server->listen_at, strerror(errno));
    int result = start_serving(server, fresh, fd, err);
    fd = result < 0 ? fd : MHD_quiesce_daemon(server->serving.daemon);
    if (fd >= 0)
        close(fd);
    return result;
}

int http_server_renew(struct http_server *server, struct error *err) {
    struct serving fresh = {0};
    int result = tls_pair_read(&fresh.pair, &server->files, err);
    bool is_same = result == 0 && tls_pair_is_equal(&fresh.pair, &server->serving.pair);
    if (result == 0 && !is_same)
        result = take_over(server, &fresh, err);
    if (result < 0 || is_same) {
        tls_pair_deinit(&fresh.pair);
        return result;
    }
    pthread_mutex_lock(&server->lock);
    server->older[server->older_count++] = server->serving;
    pthread_mutex_unlock(&server->lock);
    server->serving = fresh;
    return 1;
}

static void server_free(struct http_server *server) {
    if (server->socket.fd >= 0)
        close(server->socket.fd);
    close(server->empty_fd);
    tls_pair_deinit(&server->serving.pair);
    memory_free(server->listen_at);
    memory_free(server->files.certificate);
    memory_free(server->files.key);
    connections_deinit(&server->connections);
    memory_free(server->sweep_fds);
    memory_free(server->sweep_requests);
    pthread_mutex_destroy(&server->lock);
    memory_free(server);
}

int http_server_start(const struct http_server_settings *settings, struct http_face *face,
                      struct http_server **out_server, struct error *err) {
    struct http_server *server = memory_new(1, sizeof(*server));
    *out_server = server; /* before the first request comes */
    server->face = face;
    server->socket.fd = -1;
    server->empty_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&server->lock, NULL);
    list_init(&server->held);
    connections_init(&server->connections,
                     settings->connections ? settings->connections : http_connections,
                     settings->connections_of_address ? settings->connections_of_address
                                                      : http_connections_of_address);
    server->connections.seal =
        settings->tls_certificate_file ? CONNECTIONS_SEALED : CONNECTIONS_PLAIN;
    size_t requests = server->connections.most + connections_spare;
    server->sweep_fds = memory_new(requests, sizeof(*server->sweep_fds));
    server->sweep_requests = memory_new(requests, sizeof(*server->sweep_requests));
    int result = 0;
    if (server->empty_fd < 0)
        result = error_set(err, -errno, "serve HTTP on %s: make an eventfd: %s", settings->listen,
                           strerror(errno));
    if (result == 0)
        result = prepare(server, settings, err);
    if (result == 0)
        result = start_serving(server, &server->serving, server->socket.fd, err);
    if (result == 0) {
        server->socket.fd = -1; /* the library's now */
        result = sweeper_start(&server->sweeper, sweep, server, err);
        if (result < 0) {
            (void)error_wrap(err, "serve HTTP on %s", settings->listen);
            end_serving(&server->serving);
        }
    }
    if (result < 0)
        server_free(take(*out_server));
    return result;
}

uint16_t http_server_port(const struct http_server *server) { return server->socket.port; }
size_t http_server_most(const struct http_server *server) { return server->connections.most; }

void http_server_stop(struct http_server *server) {
    int listening = MHD_quiesce_daemon(server->serving.daemon);
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
    sweeper_stop(&server->sweeper);
    for (size_t i = 0; i < server->older_count; i++)
        end_serving(&server->older[i]);
    end_serving(&server->serving);
    server_free(server);
}
