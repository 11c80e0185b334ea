/* Which of the two sides is read from when: each only while the other has taken what was read. */
#include "io/host/libvirt/console.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/host/libvirt/look_up.h"

enum { piece_bytes = 4096 };

struct piece {
    char bytes[piece_bytes];
    size_t length, sent;
};

/* From when both are watched on, libvirt's loop alone has it. */
struct console {
    pthread_mutex_t lock; /* until then */
    virConnectPtr connection;
    virStreamPtr stream;
    int fd, watch;
    struct piece said, typed; /* by the guest; to it */
    bool has_ended;
};

static size_t left(const struct piece *piece) { return piece->length - piece->sent; }

static void console_free(void *context) {
    struct console *console = context;
    if (console->stream)
        (void)virStreamFree(console->stream);
    connection_clean(&console->connection);
    if (console->fd >= 0)
        (void)close(console->fd);
    pthread_mutex_destroy(&console->lock);
    memory_free(console);
}

static void console_end(struct console *console) {
    if (console->has_ended)
        return;
    console->has_ended = true;
    (void)virStreamEventRemoveCallback(console->stream);
    (void)virStreamAbort(console->stream);
    (void)virEventRemoveHandle(console->watch); /* console_free() follows */
}

/* What was read goes on as far as it may. False: that side has an end. */
static bool pass_said(struct console *console) {
    struct piece *said = &console->said;
    if (!left(said))
        return true;
    ssize_t sent = send(console->fd, said->bytes + said->sent, left(said),
                        MSG_DONTWAIT | MSG_NOSIGNAL);
    said->sent += sent > 0 ? (size_t)sent : 0;
    return sent > 0 || errno == EAGAIN || errno == EINTR;
}

static bool pass_typed(struct console *console) {
    struct piece *typed = &console->typed;
    if (!left(typed))
        return true;
    int sent = virStreamSend(console->stream, typed->bytes + typed->sent, left(typed));
    typed->sent += sent > 0 ? (size_t)sent : 0;
    return sent > 0 || sent == -2; /* -2: later */
}

static bool read_said(struct console *console) {
    struct piece *said = &console->said;
    int length = virStreamRecv(console->stream, said->bytes, sizeof(said->bytes));
    said->length = length > 0 ? (size_t)length : 0;
    said->sent = 0;
    return length > 0 || length == -2;
}

static bool read_typed(struct console *console) {
    struct piece *typed = &console->typed;
    ssize_t length = recv(console->fd, typed->bytes, sizeof(typed->bytes), MSG_DONTWAIT);
    typed->length = length > 0 ? (size_t)length : 0;
    typed->sent = 0;
    return length > 0 || (length < 0 && (errno == EAGAIN || errno == EINTR));
}

static void watch_on(const struct console *console) {
    bool is_heard = !left(&console->said), is_typed = left(&console->typed);
    (void)virStreamEventUpdateCallback(console->stream,
                                       (is_heard ? VIR_STREAM_EVENT_READABLE : 0) |
                                           (is_typed ? VIR_STREAM_EVENT_WRITABLE : 0) |
                                           VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP);
    virEventUpdateHandle(console->watch, (is_typed ? 0 : VIR_EVENT_HANDLE_READABLE) |
                                             (is_heard ? 0 : VIR_EVENT_HANDLE_WRITABLE));
}

static void on_stream(virStreamPtr stream, int events, void *context) {
    struct console *console = context;
    (void)stream;
    pthread_mutex_lock(&console->lock);
    pthread_mutex_unlock(&console->lock);
    bool goes_on = !console->has_ended;
    if (goes_on && (events & VIR_STREAM_EVENT_READABLE) && !left(&console->said))
        goes_on = read_said(console) && pass_said(console);
    else if (goes_on && (events & (VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP)))
        goes_on = false;
    if (goes_on && (events & VIR_STREAM_EVENT_WRITABLE))
        goes_on = pass_typed(console);
    if (goes_on)
        watch_on(console);
    else
        console_end(console);
}

static void on_socket(int watch, int fd, int events, void *context) {
    struct console *console = context;
    (void)watch;
    (void)fd;
    pthread_mutex_lock(&console->lock);
    pthread_mutex_unlock(&console->lock);
    bool goes_on = !console->has_ended && pass_said(console);
    if (goes_on && !left(&console->typed) &&
        (events & (VIR_EVENT_HANDLE_READABLE | VIR_EVENT_HANDLE_HANGUP)))
        goes_on = read_typed(console) && pass_typed(console);
    if (goes_on)
        watch_on(console);
    else
        console_end(console);
}

/* Under the lock: neither is served before both are watched. */
static enum code console_watch(struct console *console, struct error *err) {
    int events = VIR_STREAM_EVENT_READABLE | VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP;
    console->watch = virEventAddHandle(console->fd, VIR_EVENT_HANDLE_READABLE, on_socket, console,
                                       console_free);
    if (console->watch < 0)
        return libvirt_failed(err, "watch a console's socket");
    if (virStreamEventAddCallback(console->stream, events, on_stream, console, NULL) == 0)
        return CODE_OK;
    console->has_ended = true;
    return libvirt_failed(err, "watch the domain's console");
}

static enum code failed_to_open(struct error *err) {
    int why = virGetLastErrorCode();
    (void)libvirt_failed(err, "open the domain's console");
    return why == VIR_ERR_OPERATION_FAILED ? CODE_BUSY
           : why == VIR_ERR_NO_SUPPORT     ? CODE_UNSUPPORTED
           : why == VIR_ERR_OPERATION_INVALID ? CODE_BAD_STATE
                                           : CODE_HOST_FAILED;
}

enum code libvirt_console(struct libvirt *libvirt, const char *vm, int *out_fd,
                          struct error *err) {
    int fds[2];
    auto_clean(ours_clean) struct ours ours = {0};
    enum code code = libvirt_look_up(libvirt, vm, &ours, err);
    if (code != CODE_OK)
        return code;
    struct console *console = memory_new(1, sizeof(*console));
    console->fd = -1;
    pthread_mutex_init(&console->lock, NULL);
    if (virConnectRef(ours.connection) == 0)
        console->connection = ours.connection;
    console->stream = virStreamNew(ours.connection, VIR_STREAM_NONBLOCK);
    if (!console->stream || virDomainOpenConsole(ours.domain, NULL, console->stream,
                                                 VIR_DOMAIN_CONSOLE_SAFE)) {
        code = failed_to_open(err);
        console_free(console);
        return code;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds)) {
        error_set(err, -errno, "make a socket for a console: %s", strerror(errno));
        (void)virStreamAbort(console->stream);
        console_free(console);
        return CODE_HOST_FAILED;
    }
    console->fd = fds[0];
    *out_fd = fds[1];
    pthread_mutex_lock(&console->lock);
    code = console_watch(console, err);
    pthread_mutex_unlock(&console->lock);
    if (code == CODE_OK)
        return code;
    (void)close(fds[1]);
    (void)virStreamAbort(console->stream);
    if (console->watch < 0)
        console_free(console);
    else
        (void)virEventRemoveHandle(console->watch);
    return code;
}
