/* Who may have a stream, who is one of its ends, and when it is over. */
#include "core/manager/streams.h"

#include <string.h>

#include "base/memory.h"
#include "core/below/downlink.h"

static void digest(const struct manager *manager, const char *of, const char *what,
                   char out_digest[limit_digest_size]) {
    char words[2 * limit_digest_size];
    text_format(words, sizeof(words), "%s%s", of, what);
    manager->streams.hash(words, strlen(words), out_digest);
}

/* The ticket for the level below, of what the one above has shown. */
static void ticket_below(const struct manager *manager, const char *above,
                         char out_ticket[limit_digest_size]) {
    digest(manager, "isthmus ticket below ", above, out_ticket);
}

void streams_ticket(const struct manager *manager, const struct stream *stream,
                    char out_ticket[limit_digest_size]) {
    digest(manager, "isthmus ticket above ", stream->viewer.secret, out_ticket);
}

static enum code refusal(const struct manager *manager, const struct book_vm *vm,
                         const struct question_kind *kind) {
    if (!*manager->streams.url || !manager->streams.hash)
        return CODE_UNSUPPORTED;
    enum code code = question_refusal(manager, vm, kind);
    bool could_be = code == CODE_OK || code == CODE_BUSY;
    return could_be && vm->record.state != VM_RUNNING ? CODE_BAD_STATE : code;
}

enum code streams_ask(struct manager *manager, const struct book_vm *vm,
                      const struct viewer *viewer) {
    static const uint32_t versions[STREAM_TO_COUNT] = {
        [STREAM_TO_CONSOLE] = protocol_version_streams,
        [STREAM_TO_PORT] = protocol_version_ports,
        [STREAM_TO_SCREEN] = protocol_version_screens,
    };
    const enum stream_to to = open_to(&viewer->open);
    const uint32_t more = to == STREAM_TO_CONSOLE ? streams_for_console : 0;
    const struct question_kind kind = {
        .version = versions[to],
        .within_ms = streams_within_ms,
        .all = &manager->streams.all,
        .of_asker = (viewer->uplink ? streams_of_manager : streams_of_tenant) + more,
        .of_vm = streams_of_vm + more,
        .of_peer = streams_of_peer + more,
        .most = streams_of_all + more,
    };
    enum code code = refusal(manager, vm, &kind);
    if (code != CODE_OK)
        return code;
    struct stream *stream = memory_new(1, sizeof(*stream));
    stream->viewer = *viewer;
    stream->asked_ms = manager->moment.wall_ms;
    question_begin(manager, vm, &kind, &stream->asked);
    struct message message = {.kind = MESSAGE_OPEN, .open = viewer->open};
    char ticket[limit_digest_size];
    ticket_below(manager, viewer->secret, message.open.ticket);
    digest(manager, message.open.ticket, "", stream->below);
    if (!viewer->uplink) {
        streams_ticket(manager, stream, ticket);
        digest(manager, ticket, "", stream->above);
    }
    message.open.number = stream->asked.number;
    message.open.epoch = stream->asked.epoch;
    text_set(message.open.vm, stream->asked.vm);
    text_set(message.open.url, manager->streams.url);
    text_set(message.open.pin, manager->streams.pin);
    downlink_send(stream->asked.peer, &message);
    return CODE_OK;
}

static struct effect_stream *tell(struct manager *manager, enum stream_order order,
                                  const struct stream *stream) {
    struct effect_stream *effect =
        &effects_add(manager->moment.out, EFFECT_STREAM)->stream;
    effect->order = order;
    effect->number = stream ? stream->asked.number : 0;
    text_set(effect->vm, stream ? stream->asked.vm : "");
    return effect;
}

static void refuse(struct manager *manager, uint64_t claim) {
    tell(manager, STREAM_REFUSE, NULL)->claim = claim;
}

/* Code: as kind->on_stream says. */
static void end(struct manager *manager, struct stream *stream, enum code code) {
    list_remove(&stream->asked.node);
    if (stream->claim)
        refuse(manager, stream->claim);
    if (stream->state != STREAM_ASKED)
        tell(manager, STREAM_CUT, stream);
    manager->kind->on_stream(manager, stream, code);
    memory_free(stream);
}

void streams_cut(struct manager *manager, struct stream *stream) {
    end(manager, stream, CODE_NOT_ALLOWED);
}

static bool has_both(const struct stream *stream) { return !*stream->below && !*stream->above; }

/* Who is below is there, and the stream is open: at the top it is sealed to us, and elsewhere it
 * goes on upward. */
static void take_below(struct manager *manager, struct stream *stream) {
    struct effect_stream *effect = tell(manager, STREAM_TAKE, stream);
    effect->claim = stream->claim;
    effect->side = STREAM_BELOW;
    stream->claim = 0;
    if (!stream->viewer.uplink) {
        text_set(effect->opens.secret, stream->viewer.secret);
        text_set(effect->opens.key, stream->key);
        return;
    }
    struct effect_stream *dial = tell(manager, STREAM_DIAL, stream);
    dial->to = stream->viewer.open;
}

static void join(struct manager *manager, struct stream *stream) {
    if (!has_both(stream) || stream->state != STREAM_IS_READY)
        return;
    stream->state = STREAM_JOINED;
    stream->asked.due_ms = manager->moment.now_ms + streams_most_ms;
}

void streams_on_opened(struct manager *manager, const struct peer *peer,
                       const struct opened *opened) {
    list_for(struct stream, stream, &manager->streams.all, asked.node) {
        if (stream->asked.number != opened->number || stream->asked.peer != peer ||
            stream->state != STREAM_ASKED)
            continue;
        if (opened->code != CODE_OK || !*opened->key) {
            end(manager, stream, opened->code == CODE_OK ? CODE_UNREACHABLE : opened->code);
            return;
        }
        stream->state = STREAM_IS_READY;
        stream->asked.due_ms = manager->moment.now_ms + streams_join_ms;
        text_set(stream->key, opened->key);
        manager->kind->on_stream(manager, stream, CODE_OK);
        if (stream->claim)
            take_below(manager, stream);
        join(manager, stream);
        return;
    }
}

/* A ticket is worth something once, and above with the token alone that asked for it. */
static struct stream *find(struct manager *manager, const struct event_stream *event,
                           enum stream_side *out_side) {
    list_for(struct stream, stream, &manager->streams.all, asked.node) {
        if (text_equal(stream->below, event->ticket)) {
            *out_side = STREAM_BELOW;
            return stream;
        }
        if (text_equal(stream->above, event->ticket) && stream->state == STREAM_IS_READY &&
            text_equal(stream->viewer.token_hash, event->token_hash)) {
            *out_side = STREAM_ABOVE;
            return stream;
        }
    }
    return NULL;
}

static const struct stream *on_came(struct manager *manager, const struct event_stream *event) {
    enum stream_side side = STREAM_BELOW;
    struct stream *stream = find(manager, event, &side);
    if (!stream || !*event->ticket) {
        refuse(manager, event->number);
        return NULL;
    }
    if (side == STREAM_BELOW) {
        stream->below[0] = 0;
        stream->claim = event->number;
        if (stream->state != STREAM_ASKED)
            take_below(manager, stream);
    } else {
        struct effect_stream *effect = tell(manager, STREAM_TAKE, stream);
        effect->claim = event->number;
        effect->side = STREAM_ABOVE;
        stream->above[0] = 0;
    }
    join(manager, stream);
    return stream;
}

const struct stream *streams_on_event(struct manager *manager,
                                      const struct event_stream *event) {
    if (event->news == STREAM_CAME)
        return on_came(manager, event);
    list_for(struct stream, stream, &manager->streams.all, asked.node) {
        if (event->news == STREAM_ENDED && stream->asked.number == event->number)
            end(manager, stream, CODE_UNREACHABLE);
    }
    return NULL;
}

/* Is the VM still where, and what, it was? What has no memory any more has no connections either,
 * and says so to nobody at their other ends. */
static enum code reason_to_end(const struct manager *manager, const struct stream *stream) {
    const struct book_vm *vm = book_vm(&manager->book, stream->asked.vm);
    if (!vm || vm->record.place_epoch != stream->asked.epoch ||
        !text_equal(vm->record.place, stream->asked.peer->setting.name) ||
        !text_equal(vm->record.asker, stream->asked.asker))
        return CODE_LOST;
    if (vm->record.state != VM_RUNNING && vm->record.state != VM_PAUSED)
        return CODE_BAD_STATE;
    return manager->kind->may_stream(manager, stream) ? CODE_OK : CODE_NOT_ALLOWED;
}

void streams_go_on(struct manager *manager) {
    struct stream_book *streams = &manager->streams;
    uint64_t now_ms = manager->moment.now_ms;
    bool looks = streams->check_ms <= now_ms;
    enum code why = CODE_OK;
    if (list_is_empty(&streams->all))
        return;
    list_for(struct stream, stream, &streams->all, asked.node) {
        bool is_there = stream->state == STREAM_ASKED ? question_is_heard(&stream->asked)
                                                      : peer_is_up(stream->asked.peer);
        if (manager->stopping || !is_there)
            end(manager, stream, CODE_UNREACHABLE);
        else if (stream->asked.due_ms <= now_ms)
            end(manager, stream, CODE_DEADLINE);
        else if (looks && (why = reason_to_end(manager, stream)) != CODE_OK)
            end(manager, stream, why);
    }
    if (looks)
        streams->check_ms = now_ms + streams_check_ms;
}

uint64_t streams_deadline_ms(const struct manager *manager) {
    uint64_t due = question_deadline_ms(&manager->streams.all);
    return due != book_never && manager->streams.check_ms < due ? manager->streams.check_ms : due;
}

void streams_deinit(struct manager *manager) {
    list_for(struct stream, stream, &manager->streams.all, asked.node) {
        list_remove(&stream->asked.node);
        memory_free(stream);
    }
}
