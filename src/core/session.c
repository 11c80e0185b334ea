#include "core/session.h"

#include "base/text.h"

void session_close(struct session *session) {
    *session = (struct session){.state = SESSION_CLOSED, .heard_ms = session->heard_ms};
}

void session_send(struct session *session, const struct peer_setting *peer,
                  struct message *message, struct effects *out) {
    struct effect_send *send = &effects_add(out, EFFECT_SEND)->send;
    send->link = peer->link;
    (void)text_copy(send->address, sizeof(send->address), peer->address);
    send->header = (struct frame_header){session->number, session->peer_number, ++session->sent};
    send->message = *message;
    *message = (struct message){.kind = message->kind};
}

enum session_verdict session_receive(struct session *session, const struct frame *frame,
                                     uint64_t now_ms) {
    const struct frame_header *header = &frame->header;
    if (session->state == SESSION_CLOSED || header->to != session->number ||
        (session->peer_number && header->from != session->peer_number))
        return SESSION_STRANGER;
    if (header->sequence <= session->received)
        return SESSION_DROP;
    if (header->sequence != session->received + 1)
        return SESSION_GAP;
    session->received = header->sequence + frame->messages_count - 1;
    session->heard_ms = now_ms;
    return SESSION_ACCEPT;
}
