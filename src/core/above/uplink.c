/* The life of a session upward: when hello is said, what a welcome changes, when the manager's
 * silence ends it, and when a changed capacity is told: gathered for a tenth of a second, since
 * it changes often. */
#include "core/above/uplink.h"

#include <assert.h>

#include "base/memory.h"
#include "core/above/holds.h"
#include "core/above/speak.h"
#include "core/books/amounts.h"

enum {
    gather_ms = 100, /* law 7: changes of capacity travel together */
    beat_default_ms = 15000,
};

void uplink_init(struct uplink *uplink, const struct peer_setting *setting,
                 const struct role_settings *role, struct book *book, struct prng *prng) {
    *uplink =
        (struct uplink){.book = book,
                        .moment = book->moment,
                        .setting = *setting,
                        .networks = role->kind == ROLE_AGENT ? role->host_networks : hello_asked,
                        .is_hosts = role->kind == ROLE_AGENT,
                        .says_why = role->kind == ROLE_AGENT,
                        .beat_ms = beat_default_ms,
                        .hello_due_ms = book_never,
                        .beat_due_ms = book_never,
                        .capacity_due_ms = book_never,
                        .told_holds = true};
    text_set(uplink->software, role->software);
    session_init(&uplink->session, &uplink->setting, role->session_messages, uplink->moment);
    list_init(&uplink->waiting);
    list_init(&uplink->refusals);
    list_init(&uplink->table.node);
    prng_init(&uplink->prng, prng_next(prng));
}

/* A result that refuses. */
struct refusal {
    struct list node; /* in uplink.refusals */
    struct message message;
};

static struct message take_refusal(struct uplink *uplink, struct refusal *refusal) {
    struct message message = refusal->message;
    list_remove(&refusal->node);
    memory_free(refusal);
    uplink->refusals_count--;
    return message;
}

/* NULL: of all operations. */
static void forget_refusals(struct uplink *uplink, const char *op) {
    list_for(struct refusal, refusal, &uplink->refusals, node) {
        if (op && !text_equal(refusal->message.result.op, op))
            continue;
        struct message message = take_refusal(uplink, refusal);
        message_clear(&message);
    }
}

void uplink_forget_refusal(struct uplink *uplink, const char *op) { forget_refusals(uplink, op); }

void uplink_deinit(struct uplink *uplink) {
    session_close(&uplink->session);
    forget_refusals(uplink, NULL);
    record_clear(&capacity_table, &uplink->told);
    memory_free(uplink->shapes);
    memory_free(uplink->manager_key);
    memory_free(uplink->holds.images);
}

struct pinned_peer uplink_pinned(struct uplink *uplink) {
    return (struct pinned_peer){PINS_ABOVE, &uplink->setting, &uplink->manager_key, uplink->moment};
}

void uplink_load(struct uplink *uplink, const struct record *record) {
    pins_load(uplink_pinned(uplink), record);
    incarnation_load_known(&uplink->known, uplink_pinned(uplink), record);
}

/* A new session from here: another number, so that nothing of the old one is taken for it. */
static void uplink_reopen(struct uplink *uplink, uint64_t hello_due_ms) {
    session_close(&uplink->session);
    lease_forget(&uplink->lease);
    uplink->beat_due_ms = book_never;
    uplink->capacity_due_ms = book_never;
    record_clear(&capacity_table, &uplink->told);
    uplink->starved = uplink->missed = uplink->told_key = false;
    uplink->told_holds = !uplink->holds.images_count;
    list_remove(&uplink->table.node);
    forget_refusals(uplink, NULL);
    while (!list_is_empty(&uplink->waiting))
        list_remove(uplink->waiting.next);
    uplink->hello_due_ms = book_never;
    if (uplink->link == PRESENCE_DOWN || uplink->shut)
        return;
    session_open(&uplink->session, SESSION_OPENING,
                 1 + prng_below(&uplink->prng, session_number_most), 0);
    uplink->hello_due_ms = hello_due_ms;
}

void uplink_shut(struct uplink *uplink) {
    uplink->shut = true;
    uplink_reopen(uplink, book_never);
}

void uplink_unshut(struct uplink *uplink) {
    uplink->shut = false;
    uplink->hellos = 0;
    uplink_reopen(uplink, uplink->moment->now_ms);
}

void uplink_on_presence(struct uplink *uplink, const struct event *event) {
    if (event->presence.link != uplink->setting.link)
        return;
    if (event->kind == EVENT_LINK) {
        uplink->link = event->presence.presence;
        uplink->contested |= event->presence.contested;
        uplink->hellos = 0;
        uplink_reopen(uplink, uplink->moment->now_ms);
    } else if (text_equal(event->presence.address, uplink->setting.address)) {
        if (event->presence.presence == PRESENCE_DOWN)
            uplink_reopen(uplink,
                          uplink->moment->now_ms + book_backoff_ms(uplink->hellos, &uplink->prng));
        else if (uplink->session.state == SESSION_OPENING)
            uplink->hello_due_ms = uplink->moment->now_ms;
    }
}

static void say_hello(struct uplink *uplink) {
    struct message message = {.kind = MESSAGE_HELLO};
    message.hello.version = protocol_version;
    message.hello.version_oldest = protocol_version_oldest;
    bool first = !uplink->session.sent;
    if (first) /* one for all repeats: which one is heard is not known */
        uplink->said_digest = uplink_digest(uplink);
    message.hello.vm_digest = uplink->said_digest;
    message.hello.networks = memory_text(uplink->networks);
    message.hello.sends = uplink->sends;
    message.hello.receives = uplink->receives;
    message.hello.incarnation = uplink->own->incarnation;
    message.hello.manager = uplink->known;
    message.hello.contested = uplink->contested;
    message.hello.guarded = uplink->guarded;
    message.hello.leased = uplink->leased;
    text_set(message.hello.software, uplink->software);
    session_say(&uplink->session, &message);
    if (first)
        lease_note(&uplink->lease, uplink->session.sent, uplink->moment->now_ms);
    uplink->hello_due_ms =
        uplink->moment->now_ms + book_backoff_ms(uplink->hellos++, &uplink->prng);
}

/* When the manager's silence ends the session: a time of its own, or the next tick would do, which
 * may be an inside matter's (law 1). */
static uint64_t silence_due_ms(const struct uplink *uplink) {
    return uplink_is_open(uplink) ? session_silence_ms(&uplink->session, uplink->beat_ms)
                                  : book_never;
}

static bool owes_key(const struct uplink *uplink) {
    return uplink_is_open(uplink) && uplink->next_key[0] && !uplink->told_key;
}

static void send_rekey(struct uplink *uplink) {
    struct message message = {.kind = MESSAGE_REKEY};
    text_set(message.rekey.key, uplink->next_key);
    session_send(&uplink->session, &message);
    uplink->told_key = true;
}

void uplink_tick(struct uplink *uplink) {
    if (uplink->moment->now_ms >= silence_due_ms(uplink))
        uplink_reopen(uplink, uplink->moment->now_ms);
    if (uplink->session.state == SESSION_OPENING && uplink->moment->now_ms >= uplink->hello_due_ms)
        say_hello(uplink);
    if (uplink_is_open(uplink) && uplink->moment->now_ms >= uplink->beat_due_ms) {
        struct message beat = {.kind = MESSAGE_BEAT,
                               .beat = {uplink->guarded, uplink->leased}};
        uint64_t before = uplink->session.sent;
        session_send(&uplink->session, &beat);
        if (uplink->session.sent > before)
            lease_note(&uplink->lease, uplink->session.sent, uplink->moment->now_ms);
        uplink->beat_due_ms = uplink->moment->now_ms + uplink->beat_ms;
    }
    if (owes_key(uplink))
        send_rekey(uplink);
    if (holds_are_owed(uplink))
        holds_tell(uplink);
    if (uplink->session.overflowed)
        uplink_reopen(uplink, uplink->moment->now_ms);
    session_tick(&uplink->session);
}

uint64_t uplink_deadline_ms(const struct uplink *uplink) {
    bool owes = owes_key(uplink) || holds_are_owed(uplink);
    uint64_t due = owes ? 0 : uplink->hello_due_ms, silence_ms = silence_due_ms(uplink);
    uint64_t session = session_deadline_ms(&uplink->session);
    due = silence_ms < due ? silence_ms : due;
    due = session < due ? session : due;
    due = uplink->beat_due_ms < due ? uplink->beat_due_ms : due;
    return uplink->capacity_due_ms < due ? uplink->capacity_due_ms : due;
}

void uplink_set_guarded(struct uplink *uplink, bool guarded) {
    if (uplink->guarded == guarded)
        return;
    uplink->guarded = guarded;
    if (uplink_is_open(uplink)) /* told at once: a lease hangs on it */
        uplink->beat_due_ms = uplink->moment->now_ms;
}

void uplink_on_rekey(struct uplink *uplink, const struct event *event) {
    if (event->rekey.link != uplink->setting.link)
        return;
    text_set(uplink->next_key, event->rekey.key);
    uplink->told_key = false;
}

/* Why there is no session, once in a while. */
static void note(struct uplink *uplink, const char *why) {
    enum { noted_ms = 600000 };
    if (uplink->moment->now_ms < uplink->note_ms)
        return;
    uplink->note_ms = uplink->moment->now_ms + noted_ms;
    effects_note(uplink->moment->out, NOTE_WARNING, "", "%s %s", uplink->setting.name, why);
}

static void on_reset(struct uplink *uplink, const struct reset *reset) {
    enum { unbelieved_most = 4 }; /* someone may accept it at any time */
    if (reset->unbelieved) {
        note(uplink, "does not believe this store, which is not the one that it knows: it has "
                     "to be accepted there");
        uplink->hellos = uplink->hellos < unbelieved_most ? uplink->hellos : unbelieved_most;
    }
    uint64_t wait = uplink->hellos ? book_backoff_ms(uplink->hellos, &uplink->prng) : 0;
    uplink_reopen(uplink, uplink->moment->now_ms + wait);
}

/* Is it the welcome of a manager whose successor was heard? Older software tells no term. */
static bool is_set_aside(const struct uplink *uplink, const struct frame *frame) {
    if (!frame->messages_count || frame->messages[0].kind != MESSAGE_WELCOME)
        return false;
    const struct incarnation *told = &frame->messages[0].welcome.incarnation;
    return told->term && !incarnation_follows(&uplink->known, told);
}

/* It is not applied, and those beside it are. */
static void on_unreadable(struct uplink *uplink, const struct codec_fault *fault) {
    if (effects_worth_noting(++uplink->unreadable))
        effects_note(uplink->moment->out, NOTE_WARNING, "",
                     "manager %s has said %llu messages that cannot be read here, and are not "
                     "applied; the last: %s %s",
                     uplink->setting.name, (unsigned long long)uplink->unreadable, fault->field,
                     fault->text);
}

bool uplink_on_frame(struct uplink *uplink, const struct event *event) {
    const struct frame *frame = event->frame.frame;
    pins_on_frame(uplink_pinned(uplink), event);
    bool ours = uplink->session.number && frame->header.to == uplink->session.number;
    if (ours && frame->messages_count && frame->messages[0].kind == MESSAGE_RESET) {
        on_reset(uplink, &frame->messages[0].reset);
        return false;
    }
    if (ours && is_set_aside(uplink, frame)) {
        note(uplink, "speaks as an older manager than was heard before; no session is opened");
        return false;
    }
    if (ours && uplink->session.state == SESSION_OPENING && frame->messages_count &&
        frame->messages[0].kind == MESSAGE_UNREADABLE) { /* no welcome: nothing is open yet */
        on_unreadable(uplink, &frame->messages[0].unreadable);
        return false;
    }
    enum session_verdict verdict = session_receive(&uplink->session, frame);
    if (verdict == SESSION_STRANGER)
        return false;
    if (verdict == SESSION_ACCEPT && uplink->session.state == SESSION_OPENING &&
        frame->messages_count && frame->messages[0].kind == MESSAGE_WELCOME)
        uplink->session.peer_number = frame->header.from;
    bool is_peers = uplink->session.peer_number == frame->header.from;
    const struct frame_header *header = &frame->header;
    if (is_peers && header->received <= uplink->session.sent) {
        lease_hear(&uplink->lease, LEASE_CLUSTER, header->received, header->lease_ms);
        lease_hear(&uplink->lease, LEASE_ANYWHERE, header->received, header->anywhere_ms);
    }
    return is_peers && verdict == SESSION_ACCEPT;
}

/* On disk before the session is used. */
static void know(struct uplink *uplink, const struct incarnation *told) {
    if (!told->term || record_equal(&incarnation_table, &uplink->known, told))
        return;
    uplink->known = *told;
    incarnation_save_known(&uplink->known, uplink_pinned(uplink));
}

static enum uplink_news on_welcome(struct uplink *uplink, const struct welcome *welcome) {
    bool opened = uplink->session.state == SESSION_OPENING;
    uplink->session.state = SESSION_OPEN;
    uplink->hello_due_ms = book_never;
    uplink->hellos = 0;
    uplink->session.version = welcome->version;
    uplink->contested = false;
    know(uplink, &welcome->incarnation);
    uplink->beat_ms = welcome->beat_ms;
    uplink->lease_ms = welcome->lease_ms;
    uplink->overcommit = welcome->overcommit;
    uplink->asked_why = welcome->asks_why;
    uplink->asked_images = welcome->asks_images;
    uplink->asked_usage_ms = welcome->usage_ms;
    if (opened)
        uplink->beat_due_ms = uplink->moment->now_ms + uplink->beat_ms;
    uplink->shapes_count = welcome->shapes_count;
    memory_free(uplink->shapes);
    uplink->shapes = memory_copy(welcome->shapes, welcome->shapes_count * sizeof(*welcome->shapes));
    uplink->capacity_due_ms = uplink->moment->now_ms;
    return opened ? UPLINK_OPENED : UPLINK_CATALOGUE;
}

enum uplink_news uplink_on_message(struct uplink *uplink, const struct message *message) {
    switch (message->kind) {
    case MESSAGE_WELCOME:
        return on_welcome(uplink, &message->welcome);
    case MESSAGE_INSTRUCT:
    case MESSAGE_SYNC:
    case MESSAGE_SETTLED:
    case MESSAGE_READ:
    case MESSAGE_OPEN:
        return uplink_is_open(uplink) ? UPLINK_MESSAGE : UPLINK_HANDLED;
    case MESSAGE_REKEY:
        if (uplink_is_open(uplink))
            pins_on_rekey(uplink_pinned(uplink), &message->rekey);
        return UPLINK_HANDLED;
    case MESSAGE_UNREADABLE:
        on_unreadable(uplink, &message->unreadable);
        return UPLINK_HANDLED;
    case MESSAGE_RESET:
    case MESSAGE_HELLO:
    case MESSAGE_CAPACITY:
    case MESSAGE_VM:
    case MESSAGE_TABLE:
    case MESSAGE_PROGRESS:
    case MESSAGE_RESULT:
    case MESSAGE_READING:
    case MESSAGE_OPENED:
    case MESSAGE_HOLDS:
    case MESSAGE_USAGES:
    case MESSAGE_BEAT:
    case MESSAGE_KIND_COUNT:
        return UPLINK_HANDLED;
    }
    return UPLINK_HANDLED;
}

/* A refusal goes before all that is said later: what it tells of its VM is of now. */
void uplink_send_refusal(struct uplink *uplink, struct message *message) {
    if (uplink_has_room(uplink) || !uplink_is_open(uplink) ||
        uplink->refusals_count == limit_session_messages) {
        uplink_send(uplink, message);
        return;
    }
    struct refusal *refusal = memory_new(1, sizeof(*refusal));
    refusal->message = *message;
    *message = (struct message){.kind = message->kind};
    list_add(&uplink->refusals, &refusal->node);
    uplink->refusals_count++;
    uplink_await_room(uplink);
}

void uplink_resume_refusals(struct uplink *uplink) {
    uplink->starved = false;
    while (!list_is_empty(&uplink->refusals) && !session_is_full(&uplink->session)) {
        struct list *first = uplink->refusals.next;
        struct message message = take_refusal(uplink, container_of(first, struct refusal, node));
        session_send(&uplink->session, &message);
    }
    uplink_await_room(uplink); /* there may be more to come */
}

bool uplink_resumes(const struct uplink *uplink) {
    return uplink->starved && uplink_is_open(uplink) && session_has_drained(&uplink->session);
}

void uplink_capacity_changed(struct uplink *uplink) {
    if (uplink_is_open(uplink) && uplink->capacity_due_ms == book_never)
        uplink->capacity_due_ms = uplink->moment->now_ms + gather_ms;
}

bool uplink_owes_capacity(const struct uplink *uplink) {
    return uplink->capacity_due_ms <= uplink->moment->now_ms;
}

void uplink_mark_untold(struct book *book, struct book_op *op) {
    op->told = STEP_NONE;
    list_remove(&op->by_untold);
    list_add(&book->untold, &op->by_untold);
}

static void tell_taken(struct uplink *uplink) {
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &uplink->book->untold) {
        struct book_op *op = container_of(node, struct book_op, by_untold);
        bool counts = op->record.verb == VERB_DEFINE || op->record.verb == VERB_DELETE ||
                      op->record.verb == VERB_RESIZE;
        if (!counts || book_op_has_ended(op) || op->told >= STEP_TAKEN)
            list_remove(node);
        else if (text_equal(op->record.asker, uplink->setting.name))
            uplink_send_progress(uplink, op, STEP_TAKEN);
    }
}

void uplink_bound_capacity(struct capacity *capacity) {
    static const struct amounts most = {
        .cpus = limit_place, .memory_mib = limit_place, .disk_gib = limit_place};
    amounts_bound(capacity, &most);
    for (uint32_t i = 0; i < capacity->fits_count; i++)
        if (capacity->fits[i].count > limit_place)
            capacity->fits[i].count = limit_place;
}

void uplink_tell_capacity(struct uplink *uplink, struct capacity *now) {
    uplink->capacity_due_ms = book_never;
    uplink_bound_capacity(now);
    if (uplink_has_room(uplink) && !record_equal(&capacity_table, now, &uplink->told)) {
        record_clear(&capacity_table, &uplink->told);
        record_clone(&capacity_table, now, &uplink->told);
        struct message message = {.kind = MESSAGE_CAPACITY, .capacity = *now};
        *now = (struct capacity){0};
        uplink_send(uplink, &message);
    }
    record_clear(&capacity_table, now);
    if (uplink_has_room(uplink)) /* even if the sum is as before: one came and one went */
        tell_taken(uplink);
    else
        uplink_await_room(uplink);
}

void uplink_check(const struct uplink *uplink) {
    session_check(&uplink->session);
    assert(list_is_empty(&uplink->waiting) || uplink->starved);
    assert(list_is_empty(&uplink->refusals) || uplink->starved);
    assert(list_is_empty(&uplink->table.node) || uplink->starved);
    assert(!uplink->starved || uplink_is_open(uplink));
}
