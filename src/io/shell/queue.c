/* What of an event has to be copied; what the bytes of a received frame are, which is found out
 * when it is taken: a frame, a request to join, or the answer to one. */
#include "io/shell/queue.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/map.h"
#include "base/memory.h"
#include "io/keys/secret.h"
#include "message/codec.h"

static void posted_copy_frame(struct posted *posted, const struct frame *from) {
    posted->frame.header = from->header;
    posted->frame.messages = memory_new(from->messages_count, sizeof(*from->messages));
    posted->frame.messages_count = from->messages_count;
    for (uint32_t i = 0; i < from->messages_count; i++)
        message_clone(&from->messages[i], &posted->frame.messages[i]);
    posted->event.frame.frame = &posted->frame;
}

struct posted *posted_new(const struct event *event) {
    struct posted *posted = memory_new(1, sizeof(*posted));
    posted->event = *event;
    switch (event->kind) {
    case EVENT_LINK:
    case EVENT_PEER:
        posted->address = memory_text(event->presence.address);
        posted->event.presence.address = posted->address;
        break;
    case EVENT_FRAME:
        posted->address = memory_text(event->frame.from);
        posted->event.frame.from = posted->address;
        posted_copy_frame(posted, event->frame.frame);
        break;
    case EVENT_REQUEST:
        request_clone(event->request, &posted->request);
        posted->event.request = &posted->request;
        break;
    case EVENT_JOB:
        if (event->job.found) {
            record_clone(&vm_table, event->job.found, &posted->found);
            posted->event.job.found = &posted->found;
        }
        break;
    case EVENT_READ:
        posted->address = memory_text(event->read.base64);
        posted->event.read.base64 = posted->address;
        break;
    case EVENT_IPS:
        posted->found.ips_count = event->ips.count;
        posted->found.ips = memory_copy(event->ips.ips, event->ips.count * sizeof(struct vm_ip));
        posted->event.ips.ips = posted->found.ips;
        break;
    case EVENT_USAGE:
        posted->usages = memory_copy(event->usage.usages,
                                     event->usage.count * sizeof(struct vm_usage));
        posted->event.usage.usages = posted->usages;
        break;
    case EVENT_IMAGE:
    case EVENT_BUCKET:
    case EVENT_DOMAIN:
    case EVENT_SCANNED:
    case EVENT_HOST:
    case EVENT_GUARD:
    case EVENT_ARCHIVE:
    case EVENT_DELIVERED:
    case EVENT_STREAM:
    case EVENT_CERTIFICATE:
    case EVENT_STOP:
        break;
    case EVENT_JOIN:
    case EVENT_JOINED:
    case EVENT_REKEY:
    case EVENT_DISK:
    case EVENT_LOAD:
    case EVENT_START:
    case EVENT_TICK:
    case EVENT_KIND_COUNT:
        assert(false && "only the shell makes this event");
    }
    return posted;
}

struct posted *posted_from_bytes(const struct event_frame *about, const char *bytes,
                                 size_t length) {
    struct posted *posted = memory_new(1, sizeof(*posted));
    posted->address = memory_text(about->from);
    posted->bytes = memory_new(length + 1, 1);
    memcpy(posted->bytes, bytes, length);
    posted->length = length;
    posted->event = (struct event){.kind = EVENT_FRAME, .frame = *about};
    posted->event.frame.from = posted->address;
    return posted;
}

/* What has no pinned key yet may be a request to join. */
static int posted_open_request(struct posted *posted, struct seal *seal, struct text *scratch) {
    struct codec_fault fault;
    struct join join = {0};
    if (seal_end(seal) != SEAL_MANAGER ||
        seal_open_request(seal, posted->bytes, posted->length, scratch) ||
        codec_decode(&join_table,
                     &(struct codec_input){text_data(scratch), scratch->length, FIELD_WIRE,
                                           CODEC_IGNORE_UNKNOWN},
                     &join, &fault) ||
        seal_check_public(join.key, NULL))
        return SEAL_BROKEN;
    struct event_join event = {.link = posted->event.frame.link,
                               .endpoint = posted->event.frame.endpoint,
                               .from = posted->address};
    text_set(event.token, join.token);
    text_set(event.key, join.key);
    secret_hash_bytes(join.secret, strlen(join.secret), event.secret_hash);
    posted->event = (struct event){.kind = EVENT_JOIN, .join = event};
    return 0;
}

/* Not a frame: the answer to a request to join? */
static int posted_open_answer(struct posted *posted, const struct text *opened) {
    struct codec_fault fault;
    struct joined joined = {0};
    if (codec_decode(&joined_table,
                     &(struct codec_input){text_data(opened), opened->length, FIELD_WIRE,
                                           CODEC_IGNORE_UNKNOWN},
                     &joined, &fault))
        return -EINVAL;
    posted->event = (struct event){
        .kind = EVENT_JOINED,
        .joined = {posted->event.frame.link, posted->address, joined.verdict}};
    return 0;
}

int posted_decode(struct posted *posted, struct seal *seal, struct text *scratch,
                  struct codec_fault *fault) {
    int result =
        (int)seal_open(seal, posted->address, posted->bytes, posted->length, scratch);
    if (result && posted_open_request(posted, seal, scratch) == 0)
        return 0;
    if (result)
        return result;
    result = frame_decode(text_data(scratch), scratch->length, &posted->frame, fault);
    if (result && seal_end(seal) == SEAL_AGENT && posted_open_answer(posted, scratch) == 0)
        return 0;
    posted->event.frame.frame = &posted->frame;
    posted->event.frame.next_key = seal_opened_by_next(seal);
    return result;
}

void posted_free(struct posted *posted) {
    if (!posted)
        return;
    frame_clear(&posted->frame);
    request_clear(&posted->request);
    record_clear(&vm_table, &posted->found);
    memory_free(posted->address);
    memory_free(posted->usages);
    memory_free(posted->bytes);
    memory_free(posted);
}

void shell_queue_init(struct shell_queue *queue) {
    *queue = (struct shell_queue){.last = &queue->first};
    (void)pthread_mutex_init(&queue->mutex, NULL);
}

void shell_queue_deinit(struct shell_queue *queue) {
    for (struct posted *posted; (posted = shell_queue_take(queue));)
        posted_free(posted);
    (void)pthread_mutex_destroy(&queue->mutex);
}

/* Where the queue lies in memory is drawn anew for each process. */
static size_t sender_of(const struct shell_queue *queue, const struct posted *posted) {
    uint64_t seed = (uint64_t)(uintptr_t)queue + posted->event.frame.link;
    return map_hash(seed, posted->address, strlen(posted->address)) % array_size(queue->senders);
}

bool shell_queue_put(struct shell_queue *queue, struct posted *posted) {
    if (posted->bytes)
        posted->sender = sender_of(queue, posted);
    (void)pthread_mutex_lock(&queue->mutex);
    bool fits = !posted->bytes ||
                (queue->bytes + posted->length <= limit_queued_bytes &&
                 queue->senders[posted->sender] + posted->length <= limit_queued_of_one);
    if (fits) {
        queue->bytes += posted->length;
        queue->senders[posted->sender] += posted->length;
        *queue->last = posted;
        queue->last = &posted->next;
    }
    (void)pthread_mutex_unlock(&queue->mutex);
    if (!fits)
        posted_free(posted);
    return fits;
}

struct posted *shell_queue_take(struct shell_queue *queue) {
    (void)pthread_mutex_lock(&queue->mutex);
    struct posted *posted = queue->first;
    if (posted) {
        queue->bytes -= posted->length;
        queue->senders[posted->sender] -= posted->length;
        queue->first = posted->next;
        if (!queue->first)
            queue->last = &queue->first;
    }
    (void)pthread_mutex_unlock(&queue->mutex);
    return posted;
}

bool shell_queue_is_empty(struct shell_queue *queue) {
    (void)pthread_mutex_lock(&queue->mutex);
    bool empty = !queue->first;
    (void)pthread_mutex_unlock(&queue->mutex);
    return empty;
}
