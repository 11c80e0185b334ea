/* What is sent, kept, acknowledged and sent again, and when; how long an answer is awaited, by
 * the round trips that were measured. */
#include "core/link/session.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "base/prng.h"
#include "core/link/lease.h"

enum {
    acknowledge_ms = 200,    /* a debt waits so long for something that it can ride on */
    resend_first_ms = 3000,  /* before a round trip was measured */
    resend_least_ms = 1000,  /* more than most round trips and the peer's wait */
    resend_most_ms = 8000,
    flight_careful = 64,     /* messages at a time until a loss is mended */
    beats_missed = 3,
    reserve = 64,            /* for what keeps a full session going */
};

/* A message that is kept: the kind's own struct, no more. */
struct session_item {
    struct session_item *next;
    size_t bytes; /* with what it owns */
    enum message_kind kind;
    uint64_t body[];
};

static void item_free(struct session_item *item) {
    record_clear(message_table(item->kind), item->body);
    memory_free(item);
}

static struct session_item *item_new(struct message *message) {
    const struct table *table = message_table(message->kind);
    size_t bytes = sizeof(struct session_item) + table->size;
    struct session_item *item = memory_new(1, bytes);
    item->kind = message->kind;
    item->bytes = bytes + record_owned_bytes(table, &message->welcome);
    memcpy(item->body, &message->welcome, table->size);
    *message = (struct message){.kind = message->kind};
    return item;
}

static void drop_first(struct session *session) {
    struct session_item *item = session->first;
    session->first = item->next;
    if (session->last == item)
        session->last = NULL;
    if (session->next == item)
        session->next = item->next;
    session->bytes -= item->bytes;
    item_free(item);
}

void session_close(struct session *session) {
    while (session->first)
        drop_first(session);
    *session = (struct session){.peer = session->peer,
                                .moment = session->moment,
                                .state = SESSION_CLOSED,
                                .most = session->most,
                                .heard_ms = session->heard_ms,
                                .promised_ms = session->promised_ms};
}

void session_init(struct session *session, const struct peer_setting *peer, uint32_t most,
                  struct moment *moment) {
    *session = (struct session){
        .peer = peer, .moment = moment, .most = most ? most : limit_session_messages};
}

void session_open(struct session *session, enum session_state state, uint64_t number,
                  uint64_t peer_number) {
    session_close(session);
    session->state = state;
    session->number = number;
    session->peer_number = peer_number;
}

static uint64_t kept(const struct session *session) { return session->sent - session->confirmed; }

bool session_is_full(const struct session *session) {
    return kept(session) >= session->most || session->bytes >= limit_session_bytes;
}

bool session_has_drained(const struct session *session) {
    return kept(session) <= session->most / 2 &&
           session->bytes <= limit_session_bytes / 2;
}

static enum frame_form form_for(uint32_t version) {
    if (version >= protocol_version_bytes)
        return FRAME_BYTES;
    return version >= protocol_version_packed ? FRAME_PACKED : FRAME_JSON;
}

/* At the top, where no other cluster is meant, none is given for the cluster alone. */
static void give_lease(struct session *session, struct frame_header *header) {
    uint64_t now_ms = session->moment->now_ms;
    if (!session->lease_ms)
        return;
    header->lease_ms = *session->anywhere_until_ms == UINT64_MAX ? 0 : session->lease_ms;
    header->anywhere_ms = lease_rest_ms(*session->anywhere_until_ms, now_ms, session->lease_ms);
    if (now_ms + session->lease_ms > session->promised_ms)
        session->promised_ms = now_ms + session->lease_ms;
}

/* A frame or a part of one goes out: it carries what is owed. */
static struct effect_send *emit(struct session *session, enum effect_kind kind) {
    struct effect_send *send = &effects_add(session->moment->out, kind)->send;
    send->link = session->peer->link;
    send->form = form_for(session->version);
    text_set(send->address, session->peer->address);
    send->header = (struct frame_header){.from = session->number,
                                         .to = session->peer_number,
                                         .sequence = session->flown + 1,
                                         .received = session->received,
                                         .gap = session->gap};
    give_lease(session, &send->header);
    session->told = session->received;
    session->owes = OWES_NOTHING;
    session->owes_ms = 0;
    return send;
}

/* What the other end's decoder would refuse takes no number: it would come again and again, and be
 * refused each time. */
static bool can_be_read(const struct session *session, struct message *message) {
    struct codec_fault fault;
    if (message_check(message, &fault) == 0)
        return true;
    effects_note(session->moment->out, NOTE_FAULT, "",
                 "a message (%s) to %s is not sent, since it could not be read there: %s %s; "
                 "please report this",
                 message_table(message->kind)->name, session->peer->name, fault.field, fault.text);
    message_clear(message);
    return false;
}

void session_say(struct session *session, struct message *message) {
    if (!can_be_read(session, message))
        return;
    session->flown = 0;
    emit(session, EFFECT_SEND)->message = *message;
    *message = (struct message){.kind = message->kind};
    session->sent = session->flown = session->confirmed = 1;
}

static void fly(struct session *session) {
    bool careful = session->confirmed < session->recovered;
    while (session->next &&
           (!careful || session->flown - session->confirmed < flight_careful)) {
        const struct session_item *item = session->next;
        struct message *message = &emit(session, EFFECT_SEND)->message;
        message->kind = item->kind;
        record_clone(message_table(item->kind), item->body, &message->welcome);
        session->next = item->next;
        if (++session->flown > session->recovered && !session->timed) {
            session->timed = session->flown;
            session->timed_ms = 0;
        }
    }
}

void session_send(struct session *session, struct message *message) {
    assert(session->state == SESSION_OPEN);
    if (!can_be_read(session, message))
        return;
    if (kept(session) >= session->most + reserve) {
        session->overflowed = true;
        message_clear(message);
        return;
    }
    struct session_item *item = item_new(message);
    if (session->last)
        session->last->next = item;
    else
        session->first = item;
    if (!session->next)
        session->next = item;
    session->last = item;
    session->bytes += item->bytes;
    session->sent++;
    fly(session);
}

static void go_back(struct session *session) {
    session->next = session->first;
    session->flown = session->confirmed;
    session->recovered = session->sent;
    session->timed = 0; /* which of its goings is acknowledged could not be told */
}

static void measure(struct session *session) {
    assert(session->timed_ms);
    uint64_t twice = 1 + 2 * (session->moment->now_ms - session->timed_ms);
    twice = twice < resend_most_ms ? twice : resend_most_ms; /* a stall is no round trip */
    uint64_t slowly = session->patience_ms - session->patience_ms / 8;
    session->patience_ms = twice > slowly ? twice : slowly;
    session->timed = 0;
    session->attempts = 0;
}

/* The peer's word of what it has: forgets that, and mends a gap that it tells of, once. */
static void confirm(struct session *session, const struct frame_header *header) {
    if (header->received > session->confirmed) {
        while (session->confirmed < header->received) {
            drop_first(session);
            session->confirmed++;
        }
        if (session->flown < session->confirmed)
            session->flown = session->confirmed;
        if (session->timed && session->timed <= session->confirmed)
            measure(session);
        session->resend_ms = 0;
        session->heard_ms = session->moment->now_ms;
    }
    if (header->gap && header->received == session->confirmed && session->first &&
        session->again_from != session->confirmed + 1) {
        session->again_from = session->confirmed + 1;
        session->resend_ms = 0;
        go_back(session);
    }
}

static void owe(struct session *session, enum session_debt debt) {
    if (session->owes < debt)
        session->owes = debt;
}

static enum session_verdict take_messages(struct session *session, const struct frame *frame) {
    uint64_t first = frame->header.sequence, last = first + frame->messages_count - 1;
    if (!frame->messages_count)
        return SESSION_DROP;
    if (first > session->received + 1) {
        owe(session, session->gap ? OWES_NOTHING : OWES_NOW);
        session->gap = true;
        return SESSION_DROP;
    }
    if (last <= session->received) {
        owe(session, OWES_SOON); /* it may not know */
        return SESSION_DROP;
    }
    session->fresh = (uint32_t)(session->received + 1 - first);
    session->received = last;
    session->gap = false;
    session->heard_ms = session->moment->now_ms;
    owe(session, last - session->told >= session->most / 2 ? OWES_NOW : OWES_SOON);
    return SESSION_ACCEPT;
}

enum session_verdict session_receive(struct session *session, const struct frame *frame) {
    const struct frame_header *header = &frame->header;
    if (session->state == SESSION_CLOSED || header->to != session->number ||
        (session->peer_number && header->from != session->peer_number))
        return SESSION_STRANGER;
    if (header->received > session->sent)
        return SESSION_DROP; /* it cannot have what was never sent */
    confirm(session, header);
    return take_messages(session, frame);
}

static uint64_t patience_ms(const struct session *session) {
    return session->patience_ms ? session->patience_ms : resend_first_ms;
}

uint64_t session_late_ms(uint64_t beat_ms) { return beats_missed * beat_ms + resend_most_ms; }

uint64_t session_silence_ms(const struct session *session, uint64_t beat_ms) {
    return session->heard_ms + beats_missed * beat_ms + patience_ms(session);
}

/* Doubled at each time-out, a tenth more or less by its own number, which is random. */
static uint64_t time_out_ms(const struct session *session) {
    uint64_t wait = patience_ms(session);
    struct prng jitter;
    wait = (wait > resend_least_ms ? wait : resend_least_ms)
           << (session->attempts < 3 ? session->attempts : 3);
    wait = wait < resend_most_ms ? wait : resend_most_ms;
    prng_init(&jitter, session->number + session->attempts);
    return wait - wait / 10 + prng_below(&jitter, wait / 5);
}

void session_tick(struct session *session) {
    if (session->state != SESSION_OPEN)
        return;
    if (session->resend_ms && session->resend_ms <= session->moment->now_ms && session->first) {
        session->attempts++;
        session->resend_ms = 0;
        go_back(session);
    }
    fly(session);
    if (session->timed && !session->timed_ms)
        session->timed_ms = session->moment->now_ms;
    if (!session->first)
        session->resend_ms = 0;
    else if (!session->resend_ms)
        session->resend_ms = session->moment->now_ms + time_out_ms(session);
    if (session->owes == OWES_NOTHING)
        return;
    if (!session->owes_ms)
        session->owes_ms = session->moment->now_ms + acknowledge_ms;
    if (session->owes == OWES_NOW || session->owes_ms <= session->moment->now_ms)
        (void)emit(session, EFFECT_ACKNOWLEDGE);
}

uint64_t session_deadline_ms(const struct session *session) {
    uint64_t due = UINT64_MAX;
    if (session->state != SESSION_OPEN)
        return due;
    if (session->overflowed)
        return 0;
    if (session->first)
        due = session->resend_ms;
    if (session->owes == OWES_NOW || (session->timed && !session->timed_ms))
        return 0;
    if (session->owes == OWES_SOON && session->owes_ms < due)
        due = session->owes_ms;
    return due;
}

void session_check(const struct session *session) {
    uint64_t count = 0;
    size_t bytes = 0;
    const struct session_item *next = NULL;
    for (const struct session_item *item = session->first; item; item = item->next) {
        if (count == session->flown - session->confirmed)
            next = item;
        count++;
        bytes += item->bytes;
        assert(item->next || item == session->last);
    }
    assert(count == kept(session) && bytes == session->bytes && next == session->next);
    assert(session->confirmed <= session->flown && session->flown <= session->sent);
    assert(session->told <= session->received);
    assert(count <= session->most + reserve);
}
