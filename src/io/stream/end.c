/* When an end is read from and written to, and what becomes of the other one when it goes. */
#include "io/stream/end.h"

#include <errno.h>
#include <libwebsockets.h>
#include <string.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "io/keys/secret.h"

enum {
    drain_seconds = 10,    /* for the rest, once the other end has gone */
    idle_seconds = 30 * 60,
    look_seconds = 60,
    /* With a frame's head it is one record of TLS: a byte more would cost another one, and a frame
     * at whoever passes it on. */
    frame_most = 16384 - 16,
};

static uint64_t now_us(void) { return (uint64_t)lws_now_usecs(); }

struct end *end_of(struct pipe_end *is) {
    return is ? container_of(is, struct end, is) : NULL;
}

struct end *end_new(struct ends *ends, int fd) {
    struct end *end = memory_new(1, sizeof(*end));
    end->ends = ends;
    end->fd = fd;
    list_init(&end->node);
    return end;
}

static void end_free(struct end *end) {
    pipe_end_deinit(&end->is);
    if (end->token)
        secret_erase(end->token, strlen(end->token));
    memory_free(end->token);
    memory_free(end);
}

/* Later, in its own callback. */
void end_kill(struct end *end) {
    if (end && end->wsi)
        lws_set_timeout(end->wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_ASYNC);
}

struct pipe *ends_pipe(struct ends *ends, uint64_t number) {
    list_for(struct pipe, pipe, &ends->pipes, node) {
        if (pipe->number == number)
            return pipe;
    }
    struct pipe *pipe = memory_new(1, sizeof(*pipe));
    pipe->number = number;
    pipe->moved_us = now_us();
    list_add(&ends->pipes, &pipe->node);
    return pipe;
}

/* Both ends have gone, or one of them never came. */
void ends_finish(struct ends *ends, struct pipe *pipe) {
    list_remove(&pipe->node);
    for (enum stream_side side = STREAM_BELOW; side <= STREAM_ABOVE; side++)
        if (pipe->ends[side])
            end_free(end_of(pipe->ends[side]));
    const struct event_stream news = {.news = STREAM_ENDED, .number = pipe->number,
                                      .code = pipe->was_joined ? CODE_OK : CODE_UNREACHABLE};
    if (!pipe->is_cut)
        ends->tell(ends->context, &news);
    memory_free(pipe);
}

/* Who had the other side of the descriptor has gone: what the kernel still holds of its is the
 * last. */
static void drain(struct end *end) {
    char bytes[stream_piece];
    ssize_t length = 0;
    while ((length = recv(end->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
        if (!pipe_give(&end->is, bytes, (size_t)length))
            return;
}

void end_gone(struct end *end) {
    struct pipe *pipe = end->is.pipe;
    if (end->fd >= 0 && pipe && !pipe->is_cut)
        drain(end);
    struct end *other = end_of(pipe_other(&end->is));
    end->wsi = NULL;
    end->is.is_gone = true;
    if (end->is_connecting)
        return; /* whoever connects it sees to it */
    if (!pipe) {
        end->ends->came_count--;
        list_remove(&end->node);
        end_free(end);
    } else if (!other || other->is.is_gone) {
        ends_finish(end->ends, pipe);
    } else if (!pipe->is_cut && other->is_ready && pipe_waiting(&end->is)) {
        other->is_closing = true;
        lws_set_timer_usecs(other->wsi, drain_seconds * LWS_USEC_PER_SEC);
        lws_callback_on_writable(other->wsi);
    } else {
        end_kill(other);
    }
}

/* Reads on, or stops. */
static void end_flow(struct end *end) {
    if (!end || !end->wsi || !end->is_ready)
        return;
    const struct end *other = end_of(pipe_other(&end->is));
    bool reads = other && other->is_ready && pipe_may_read(&end->is, end->reads);
    if (reads != end->reads)
        (void)lws_rx_flow_control(end->wsi, reads);
    end->reads = reads;
    if (other && other->wsi && other->is_ready && pipe_waiting(&end->is))
        lws_callback_on_writable(other->wsi);
}

/* An end is there for good. */
void end_ready(struct end *end) {
    struct end *other = end_of(pipe_other(&end->is));
    end->is_ready = true;
    end->is.pipe->was_joined |= other && other->is_ready;
    lws_set_timer_usecs(end->wsi, look_seconds * LWS_USEC_PER_SEC);
    end_flow(end);
    end_flow(other);
}

int end_on_bytes(struct end *end, const void *bytes, size_t length) {
    if (!pipe_give(&end->is, bytes, length))
        return -1;
    if (end->is.pipe)
        end->is.pipe->moved_us = now_us();
    end_flow(end);
    return 0;
}

int end_on_file(struct end *end) {
    char bytes[stream_piece];
    ssize_t length = recv(end->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return length > 0 ? end_on_bytes(end, bytes, (size_t)length) : -1;
}

/* How much has gone; negative: it has an end. */
static ssize_t write_some(struct end *end, const char *bytes, size_t length) {
    static const char room[LWS_PRE];
    struct text *scratch = &end->ends->scratch;
    if (end->fd >= 0) {
        ssize_t sent = send(end->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
        return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : sent;
    }
    size_t most = end->is.seal ? frame_most - stream_seal_adds : frame_most;
    size_t piece = length < most ? length : most;
    text_clear(scratch);
    text_add_bytes(scratch, room, sizeof(room));
    if (end->is.seal)
        stream_seal_close(end->is.seal, bytes, piece, scratch);
    else
        text_add_bytes(scratch, bytes, piece);
    int sent = lws_write(end->wsi, (unsigned char *)scratch->data + LWS_PRE,
                         scratch->length - LWS_PRE, LWS_WRITE_BINARY);
    return sent < 0 ? -1 : (ssize_t)piece;
}

int end_on_room(struct end *end) {
    struct end *source = end_of(pipe_other(&end->is));
    if (end->is_refused) {
        if (end->fd < 0)
            lws_close_reason(end->wsi, LWS_CLOSE_STATUS_POLICY_VIOLATION, NULL, 0);
        return -1;
    }
    size_t waiting = source ? pipe_waiting(&source->is) : 0;
    if (waiting) {
        ssize_t sent = write_some(end, pipe_bytes(&source->is), waiting);
        if (sent < 0)
            return -1;
        pipe_take(&source->is, (size_t)sent);
        end->is.pipe->moved_us = now_us();
        end_flow(source);
    }
    waiting = source ? pipe_waiting(&source->is) : 0;
    if (waiting)
        lws_callback_on_writable(end->wsi);
    return end->is_closing && !waiting ? -1 : 0;
}

int end_on_timer(struct end *end) {
    const struct pipe *pipe = end->is.pipe;
    if (!pipe || end->is_closing ||
        now_us() - pipe->moved_us > (uint64_t)idle_seconds * LWS_USEC_PER_SEC)
        return -1;
    lws_set_timer_usecs(end->wsi, look_seconds * LWS_USEC_PER_SEC);
    return 0;
}
