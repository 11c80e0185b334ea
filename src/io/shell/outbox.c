/* When a frame is full, or cannot take the next message because their numbers do not follow, and
 * what is said of one that cannot leave. */
#include "io/shell/outbox.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

/* Room for a frame's header around its messages. */
enum { header_bytes = 128, parcel_key_size = limit_address_size + 16 };

struct parcel {
    struct list node;
    char key[parcel_key_size]; /* "link address" */
    uint32_t link;
    enum frame_form form;
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

static void parcel_key(const struct effect_send *send, char key[parcel_key_size]) {
    text_format(key, parcel_key_size, "%u %s", send->link, send->address);
}

/* The one to the message's peer, or NULL. */
static struct parcel *outbox_find(const struct outbox *outbox, const struct effect_send *send) {
    struct parcel *newest = outbox->newest;
    char key[parcel_key_size];
    if (newest && newest->link == send->link && text_equal(parcel_address(newest), send->address))
        return newest;
    parcel_key(send, key);
    return map_get(&outbox->parcels, key);
}

static struct parcel *outbox_open(struct outbox *outbox, const struct effect_send *send) {
    struct parcel *parcel = memory_new(1, sizeof(*parcel));
    parcel_key(send, parcel->key);
    parcel->link = send->link;
    parcel->form = send->form;
    parcel->header = send->header;
    list_add(&outbox->open, &parcel->node);
    map_put(&outbox->parcels, parcel->key, parcel);
    outbox->newest = parcel;
    return parcel;
}

static void outbox_send(struct outbox *outbox, struct parcel *parcel) {
    const struct shell_link *link = &outbox->ports->links[parcel->link];
    text_clear(&outbox->frame);
    frame_encode(&parcel->header, parcel->form, &parcel->messages, &outbox->frame);
    enum seal_result result =
        seal_frame(link->seal, parcel_address(parcel), &outbox->frame, &outbox->sealed);
    if (result == SEAL_DONE && parcel->form != FRAME_BYTES)
        seal_to_text(link->seal, &outbox->sealed);
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
    if (outbox->newest == parcel)
        outbox->newest = NULL;
    (void)map_remove(&outbox->parcels, parcel->key);
    list_remove(&parcel->node);
    text_deinit(&parcel->messages);
    memory_free(parcel);
}

static bool parcel_takes(const struct parcel *parcel, const struct effect_send *send,
                         size_t bytes) {
    const struct frame_header *header = &send->header;
    return send->form == parcel->form && header->from == parcel->header.from &&
           header->to == parcel->header.to &&
           header->sequence == parcel->header.sequence + parcel->count &&
           parcel->messages.length + 1 + bytes + header_bytes <= limit_frame_batch;
}

/* The open frame to which so many bytes can be added; it acknowledges what the newest part does. */
static struct parcel *outbox_parcel(struct outbox *outbox, const struct effect_send *send,
                                    size_t bytes) {
    assert(send->link < outbox->ports->links_count && outbox->ports->send);
    struct parcel *parcel = outbox_find(outbox, send);
    if (parcel && !parcel_takes(parcel, send, bytes)) {
        outbox_send(outbox, parcel);
        parcel = NULL;
    }
    if (!parcel)
        return outbox_open(outbox, send);
    outbox->newest = parcel;
    parcel->header.received = send->header.received;
    parcel->header.gap = send->header.gap;
    parcel->header.lease_ms = send->header.lease_ms; /* it goes with `received` */
    parcel->header.anywhere_ms = send->header.anywhere_ms;
    return parcel;
}

void outbox_add(struct outbox *outbox, const struct effect_send *send) {
    text_clear(&outbox->message);
    message_encode(&send->message, send->form, &outbox->message);
    struct parcel *parcel = outbox_parcel(outbox, send, outbox->message.length);
    if (parcel->count++ && send->form == FRAME_JSON)
        text_add(&parcel->messages, ",");
    text_add_bytes(&parcel->messages, text_data(&outbox->message), outbox->message.length);
}

void outbox_acknowledge(struct outbox *outbox, const struct effect_send *send) {
    (void)outbox_parcel(outbox, send, 0);
}

void outbox_flush(struct outbox *outbox) {
    struct list *node, *following;
    list_each(node, following, &outbox->open)
        outbox_send(outbox, container_of(node, struct parcel, node));
}
