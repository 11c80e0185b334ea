/* When a frame is full, or cannot take the next message because their numbers do not follow, and
 * what is said of one that cannot leave. */
#include "io/shell/outbox.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

/* Room for a frame's header around its messages. */
enum { header_bytes = 128 };

struct parcel {
    struct list node;
    char key[limit_address_size + 16]; /* "link address" */
    uint32_t link;
    struct frame_header header; /* of the first message */
    uint32_t count;
    struct text messages;
};

void outbox_init(struct outbox *outbox, const struct shell_ports *ports, const struct log *log) {
    *outbox = (struct outbox){.ports = ports, .log = log};
    list_init(&outbox->open);
    map_init(&outbox->parcels, 0);
}

void outbox_deinit(struct outbox *outbox) {
    assert(list_is_empty(&outbox->open));
    map_deinit(&outbox->parcels);
    text_deinit(&outbox->message);
    text_deinit(&outbox->frame);
    text_deinit(&outbox->sealed);
}

static const char *parcel_address(const struct parcel *parcel) {
    return strchr(parcel->key, ' ') + 1;
}

static struct parcel *outbox_open(struct outbox *outbox, const char *key,
                                  const struct effect_send *send) {
    struct parcel *parcel = memory_new(1, sizeof(*parcel));
    text_set(parcel->key, key);
    parcel->link = send->link;
    parcel->header = send->header;
    list_add(&outbox->open, &parcel->node);
    map_put(&outbox->parcels, parcel->key, parcel);
    return parcel;
}

static void outbox_send(struct outbox *outbox, struct parcel *parcel) {
    const struct shell_link *link = &outbox->ports->links[parcel->link];
    text_clear(&outbox->frame);
    frame_encode(&parcel->header, text_data(&parcel->messages), &outbox->frame);
    enum seal_result result =
        seal_frame(link->seal, parcel_address(parcel), &outbox->frame, &outbox->sealed);
    if (result == SEAL_TOO_LONG)
        log_line(outbox->log, LOG_ERROR, "message-too-large",
                 "link=\"%s\" to=%s bytes=%zu limit=%d; it is dropped", link->name,
                 parcel_address(parcel), outbox->frame.length, limit_frame_bytes);
    else if (result == SEAL_STRANGER)
        log_line(outbox->log, LOG_WARNING, "no-key",
                 "link=\"%s\" to=%s text=\"no key is pinned for it; let the agent's end join\"",
                 link->name, parcel_address(parcel));
    else if (result != SEAL_DONE ||
             outbox->ports->send(link->carrier, parcel_address(parcel), text_data(&outbox->sealed),
                                 outbox->sealed.length) == CARRIER_DROPPED)
        log_line(outbox->log, LOG_DEBUG, "frame-dropped", "link=\"%s\" to=%s", link->name,
                 parcel_address(parcel));
    (void)map_remove(&outbox->parcels, parcel->key);
    list_remove(&parcel->node);
    text_deinit(&parcel->messages);
    memory_free(parcel);
}

static bool parcel_takes(const struct parcel *parcel, const struct frame_header *header,
                         size_t bytes) {
    return header->from == parcel->header.from && header->to == parcel->header.to &&
           header->sequence == parcel->header.sequence + parcel->count &&
           parcel->messages.length + 1 + bytes + header_bytes <= limit_frame_batch;
}

/* The open frame to which so many bytes can be added; it acknowledges what the newest part does. */
static struct parcel *outbox_parcel(struct outbox *outbox, const struct effect_send *send,
                                    size_t bytes) {
    assert(send->link < outbox->ports->links_count && outbox->ports->send);
    char key[limit_address_size + 16];
    text_format(key, sizeof(key), "%u %s", send->link, send->address);
    struct parcel *parcel = map_get(&outbox->parcels, key);
    if (parcel && !parcel_takes(parcel, &send->header, bytes)) {
        outbox_send(outbox, parcel);
        parcel = NULL;
    }
    if (!parcel)
        return outbox_open(outbox, key, send);
    parcel->header.received = send->header.received;
    parcel->header.gap = send->header.gap;
    return parcel;
}

void outbox_add(struct outbox *outbox, const struct effect_send *send) {
    text_clear(&outbox->message);
    message_encode(&send->message, &outbox->message);
    struct parcel *parcel = outbox_parcel(outbox, send, outbox->message.length);
    if (parcel->count++)
        text_add(&parcel->messages, ",");
    text_add(&parcel->messages, text_data(&outbox->message));
}

void outbox_acknowledge(struct outbox *outbox, const struct effect_send *send) {
    (void)outbox_parcel(outbox, send, 0);
}

void outbox_flush(struct outbox *outbox) {
    struct list *node, *following;
    list_each(node, following, &outbox->open)
        outbox_send(outbox, container_of(node, struct parcel, node));
}
