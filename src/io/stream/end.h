/* A stream's end with its socket, a WebSocket of libwebsockets or a descriptor that it serves; on
 * that library's one thread. */
#pragma once

#include <sys/types.h>

#include "core/event.h"
#include "io/stream/pipe.h"

struct lws;

/* All ends of one daemon. */
struct ends {
    void (*tell)(void *context, const struct event_stream *news);
    void *context;
    struct list came;      /* end.node of those that wait to be taken */
    size_t came_count;
    struct list pipes;
    struct text scratch;
};

struct end {
    struct pipe_end is;
    struct list node;      /* in ends.came while it waits to be taken */
    struct ends *ends;
    struct lws *wsi;       /* NULL: it has none yet, or no more */
    uint64_t claim;
    int fd;                /* a descriptor, or -1: a WebSocket */
    bool is_ready, reads;
    bool is_closing;       /* once the other end's rest has gone */
    bool is_refused, is_connecting;
    struct open to;        /* that is dialled */
    char *token;
};

struct end *end_new(struct ends *ends, int fd);
struct end *end_of(struct pipe_end *is); /* NULL: of none */

/* The pipe of this number, which begins where there is none. */
struct pipe *ends_pipe(struct ends *ends, uint64_t number);

/* Both its ends have gone, or one never came: it is told, and over. */
void ends_finish(struct ends *ends, struct pipe *pipe);

void end_ready(struct end *end); /* it is there for good, and may be read and written */
void end_kill(struct end *end);  /* later, in its own callback; NULL: none */
void end_gone(struct end *end);  /* its socket is no more; where that was the last, neither is it */

/* What the library calls for. Not 0: the end is to be closed. */
int end_on_bytes(struct end *end, const void *bytes, size_t length);
int end_on_file(struct end *end);
int end_on_room(struct end *end);
int end_on_timer(struct end *end);
