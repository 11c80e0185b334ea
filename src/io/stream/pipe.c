/* How much may wait, and what is unsealed when. */
#include "io/stream/pipe.h"

#include <string.h>

/* Who stops reading may still be handed what was read by then. */
enum { most_waiting = 8 * pipe_high };

struct pipe_end *pipe_other(const struct pipe_end *end) {
    return end->pipe ? end->pipe->ends[end->side == STREAM_BELOW ? STREAM_ABOVE : STREAM_BELOW]
                     : NULL;
}

size_t pipe_waiting(const struct pipe_end *end) { return end->in.length - end->taken; }

const char *pipe_bytes(const struct pipe_end *end) { return text_data(&end->in) + end->taken; }

static void shift(struct pipe_end *end) {
    size_t left = pipe_waiting(end);
    if (!end->taken)
        return;
    memmove(end->in.data, end->in.data + end->taken, left);
    end->in.length = left;
    end->taken = 0;
}

void pipe_take(struct pipe_end *end, size_t length) {
    end->taken += length;
    if (end->taken >= pipe_low || end->taken == end->in.length)
        shift(end);
}

bool pipe_give(struct pipe_end *end, const void *bytes, size_t length) {
    if (pipe_waiting(end) + length > most_waiting)
        return false;
    shift(end);
    if (end->pipe && end->seal)
        return stream_seal_open(end->seal, bytes, length, &end->in) == 0;
    text_add_bytes(&end->in, bytes, length);
    return true;
}

void pipe_join(struct pipe *pipe, struct pipe_end *end, enum stream_side side) {
    end->pipe = pipe;
    end->side = side;
    pipe->ends[side] = end;
}

bool pipe_unseal(struct pipe_end *end) {
    struct text early = end->in;
    end->in = (struct text){0};
    bool is_right = !early.length || pipe_give(end, early.data, early.length);
    text_deinit(&early);
    return is_right;
}

bool pipe_may_read(const struct pipe_end *end, bool reads) {
    const struct pipe_end *other = pipe_other(end);
    size_t most = reads ? pipe_high : pipe_low;
    return other && !other->is_gone && pipe_waiting(end) < most;
}

void pipe_end_deinit(struct pipe_end *end) {
    text_deinit(&end->in);
    stream_seal_free(end->seal);
}
