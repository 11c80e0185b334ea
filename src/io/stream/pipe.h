/* A stream's two ends, joined: what is read from one waits, bounded, until the other takes it. Who
 * reads faster than the other end writes is stopped. Knows no sockets; who has them (streams.c)
 * says what came, asks what is to go, and is told by flags when to read on. Not thread-safe. */
#pragma once

#include <stdbool.h>

#include "base/list.h"
#include "base/text.h"
#include "core/effect.h"
#include "io/keys/stream_seal.h"

enum { pipe_high = 65536, pipe_low = 32768 };

struct pipe;

/* Held first in whatever has the socket. */
struct pipe_end {
    struct pipe *pipe;  /* NULL: not joined yet; what comes waits */
    enum stream_side side;
    struct text in;     /* was read here, and waits for the other end */
    size_t taken;       /* of it */
    struct stream_seal *seal; /* of what is read and written here; NULL: it passes as it is */
    bool is_gone;       /* nothing is read or written here any more */
};

struct pipe {
    struct list node;   /* for who has it */
    uint64_t number;
    struct pipe_end *ends[STREAM_ABOVE + 1]; /* NULL: not there yet */
    uint64_t moved_us;  /* when something passed, or an end came */
    bool was_joined;    /* both ends have been there */
    bool is_cut;        /* nobody is to be told that it ends */
};

struct pipe_end *pipe_other(const struct pipe_end *end); /* NULL: not there */

void pipe_join(struct pipe *pipe, struct pipe_end *end, enum stream_side side);

/* What the end has read before it was joined is unsealed. False: it was not sealed so. */
bool pipe_unseal(struct pipe_end *end);

/* Bytes were read at this end. False: they are not what was sealed, or more than may wait. */
bool pipe_give(struct pipe_end *end, const void *bytes, size_t length);

/* How much of what was read here waits, and where it is. */
size_t pipe_waiting(const struct pipe_end *end);
const char *pipe_bytes(const struct pipe_end *end);
void pipe_take(struct pipe_end *end, size_t length); /* so much of it has gone on */

/* May more be read here? Between high and low water as before. */
bool pipe_may_read(const struct pipe_end *end, bool reads);

void pipe_end_deinit(struct pipe_end *end);
