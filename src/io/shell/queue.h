/* What adapters post, on its way to the loop: a queue with many writers and one reader.
 * It owns deep copies. Knows nothing of the loop that it wakes. */
#pragma once

#include <pthread.h>

#include "core/event.h"
#include "io/keys/seal.h"

enum {
    limit_queued_bytes = 16 * 1024 * 1024, /* of frames that wait to be decoded */
    limit_queued_of_one = limit_queued_bytes / 16, /* of one sender: more than a session keeps */
};

/* One event, with all that it points to. A received frame stays sealed until it is taken. */
struct posted {
    struct posted *next;
    struct event event;
    char *address;
    char *bytes; /* of a frame that is not yet decoded, or NULL */
    size_t length;
    size_t sender; /* in shell_queue.senders */
    struct frame frame;
    struct request request;
    struct vm found; /* EVENT_JOB */
    struct vm_usage *usages; /* EVENT_USAGE */
};

struct shell_queue {
    pthread_mutex_t mutex;
    struct posted *first, **last;
    size_t bytes;
    size_t senders[256]; /* bytes of each; few addresses share one, and none can choose which */
};

struct posted *posted_new(const struct event *event);
struct posted *posted_from_bytes(const struct event_frame *about, const char *bytes,
                                 size_t length);
void posted_free(struct posted *posted);

/* Makes the event of received bytes complete: a frame, a request to join, or the answer to one.
 * Positive: it is not sealed as it must be; -EINVAL with `fault`: its peer has sealed nonsense.
 * `scratch` keeps its memory from one to the next. */
int posted_decode(struct posted *posted, struct seal *seal, struct text *scratch,
                  struct codec_fault *fault);

void shell_queue_init(struct shell_queue *queue);
void shell_queue_deinit(struct shell_queue *queue);

/* Takes over `posted`. False, and it is freed: a frame too many, of all or of its sender; the
 * session mends it. */
bool shell_queue_put(struct shell_queue *queue, struct posted *posted);

/* The oldest, the caller's from here on, or NULL. */
struct posted *shell_queue_take(struct shell_queue *queue);
bool shell_queue_is_empty(struct shell_queue *queue);
