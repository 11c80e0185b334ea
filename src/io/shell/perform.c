/* What is stored and what leaves, in which order; and which log line tells of it. */
#include "io/shell/perform.h"

#include <assert.h>
#include <unistd.h>

#include "base/text.h"
#include "io/shell/notify.h"
#include "message/codec.h"

void performer_init(struct performer *performer, const struct shell_ports *ports,
                    const struct log *log) {
    *performer = (struct performer){.ports = ports, .log = log};
    outbox_init(&performer->outbox, ports, log);
    turn_init(&performer->turn);
}

void performer_deinit(struct performer *performer) {
    outbox_deinit(&performer->outbox);
    text_deinit(&performer->lines);
}

/* One line per step of an operation: its timeline, in the logs of every daemon that it passes. */
static void performer_tell_saved(struct performer *performer, const struct effect *effect) {
    if (effect->kind != EFFECT_SAVE || effect->record.table != &operation_table)
        return;
    const struct operation *op = effect->record.data;
    log_gather(performer->log, &performer->lines, LOG_INFO, "operation",
               "op=%s vm=%s verb=%s state=%s step=%s code=%s", op->id, op->vm,
               verb_names[op->verb], op_state_names[op->state], step_names[op->step],
               code_names[op->code]);
}

int performer_commit(struct performer *performer, struct error *err) {
    bool open = performer->turn.is_open;
    turn_close(&performer->turn);
    int result = open ? store_commit(performer->ports->store, err) : 0;
    if (open && !result && performer->ports->committed)
        performer->ports->committed(performer->ports->rest, performer->changes);
    return result;
}

static int performer_store(struct performer *performer, struct effects *effects, uint64_t now_ms,
                           struct error *err) {
    struct store *store = performer->ports->store;
    bool must_commit = turn_must_commit(&performer->turn, effects, now_ms);
    for (size_t i = 0; i < effects->count; i++) {
        struct effect *effect = &effects->items[i];
        if (turn_way(effect) != TURN_STORES)
            continue;
        performer_tell_saved(performer, effect);
        performer->changes++;
        if (performer->ports->stored) /* the store takes the record */
            performer->ports->stored(performer->ports->rest, effect, performer->changes);
        if (effect->kind == EFFECT_SAVE)
            store_put(store, &effect->record);
        else
            store_delete(store, &effect->record);
    }
    return must_commit ? performer_commit(performer, err) : 0;
}

static void performer_note(const struct performer *performer, const struct effect_note *note) {
    char quoted[2 * limit_text_size];
    static const enum log_level levels[] = {
        [NOTE_INFO] = LOG_INFO, [NOTE_WARNING] = LOG_WARNING, [NOTE_FAULT] = LOG_ERROR};
    enum log_level level = levels[note->level];
    log_quote(note->text, quoted, sizeof(quoted));
    if (note->op[0])
        log_line(performer->log, level, "note", "op=%s text=%s", note->op, quoted);
    else
        log_line(performer->log, level, "note", "text=%s", quoted);
}

static bool performer_fetch(void *context, struct record *record) {
    const struct performer *performer = context;
    struct error err = {0};
    int found = store_get(performer->ports->store, record, &err);
    if (found < 0)
        log_line(performer->log, LOG_ERROR, "row-unreadable", "text=\"%s\"", err.text);
    return found > 0;
}

static void performer_reply(struct performer *performer, struct effect *effect) {
    const struct shell_ports *ports = performer->ports;
    assert(ports->rest && ports->reply);
    reply_fetch(&effect->reply, performer_fetch, performer);
    struct reply reply = effect->reply;
    effect->reply = (struct reply){0}; /* the adapter owns it now */
    ports->reply(ports->rest, &reply);
}

static void performer_pin(const struct performer *performer, const struct effect *effect) {
    const struct effect_pin *pin = &effect->pin;
    struct seal *seal = performer->ports->links[pin->link].seal;
    struct error err = {0};
    if (!pin->key[0])
        seal_unpin(seal, pin->address);
    else if (effect->kind == EFFECT_PIN ? seal_pin(seal, pin->address, pin->key, &err)
                                        : seal_pin_next(seal, pin->address, pin->key, &err))
        log_line(performer->log, LOG_ERROR, "pin-refused", "address=%s text=\"%s\"", pin->address,
                 err.text);
}

static void performer_send(const struct performer *performer, uint32_t link, const char *address,
                           const struct text *sealed) {
    const struct shell_ports *ports = performer->ports;
    (void)ports->send(ports->links[link].carrier, address, text_data(sealed), sealed->length);
}

static void performer_join(const struct performer *performer, const struct effect_join *effect) {
    struct seal *seal = performer->ports->links[effect->link].seal;
    auto_clean(text_deinit) struct text request = {0}, sealed = {0};
    struct join join = {0};
    text_set(join.token, effect->token);
    text_set(join.secret, effect->secret);
    text_set(join.key, seal_public_key(seal));
    codec_encode(&join_table, &join, FIELD_WIRE, &request);
    if (seal_request(seal, effect->address, &request, &sealed) == SEAL_DONE)
        performer_send(performer, effect->link, effect->address, &sealed);
}

static void performer_joined(const struct performer *performer,
                             const struct effect_joined *effect) {
    auto_clean(text_deinit) struct text answer = {0}, sealed = {0};
    const struct joined joined = {effect->verdict};
    struct seal *seal = performer->ports->links[effect->link].seal;
    codec_encode(&joined_table, &joined, FIELD_WIRE, &answer);
    for (enum seal_own own = SEAL_CURRENT; own <= SEAL_NEXT; own++)
        if (seal_answer(seal, own, effect->key, &answer, &sealed) == SEAL_DONE)
            performer_send(performer, effect->link, effect->address, &sealed);
}

static void performer_archive(const struct shell_ports *ports,
                              const struct effect_archive *effect) {
    assert(ports->unpacked || ports->fetched || ports->archive);
    if (ports->unpacked)
        ports->unpacked(ports->host, effect);
    else if (ports->fetched)
        ports->fetched(ports->links[effect->link].fetcher, effect);
    else
        ports->archive(ports->rest, effect);
}

static void performer_ask_host(const struct performer *performer, const struct effect *effect) {
    const struct shell_ports *ports = performer->ports;
    assert(ports->host);
    if (effect->kind == EFFECT_JOB)
        ports->submit(ports->host, &effect->job);
    else if (effect->kind == EFFECT_GUARD)
        ports->order(ports->host, &effect->guard);
    else if (effect->kind == EFFECT_READ)
        ports->read(ports->host, &effect->read);
    else if (ports->usage)
        ports->usage(ports->host);
}

static void performer_stream(const struct shell_ports *ports,
                             const struct effect_stream *effect) {
    if (effect->order == STREAM_OPEN) {
        assert(ports->host && ports->open);
        ports->open(ports->host, effect);
    } else {
        assert(ports->streams && ports->stream);
        ports->stream(ports->streams, effect);
    }
}

static void performer_image(const struct shell_ports *ports, const struct effect_image *effect) {
    assert(effect->link < ports->links_count && ports->fetch &&
           ports->links[effect->link].fetcher);
    ports->fetch(ports->links[effect->link].fetcher, effect->digest);
}

static void performer_one(struct performer *performer, struct effect *effect) {
    const struct shell_ports *ports = performer->ports;
    switch (effect->kind) {
    case EFFECT_SAVE:
    case EFFECT_FORGET:
        break; /* stored and, last of all, told */
    case EFFECT_SEND:
        outbox_add(&performer->outbox, &effect->send);
        break;
    case EFFECT_ACKNOWLEDGE:
        outbox_acknowledge(&performer->outbox, &effect->send);
        break;
    case EFFECT_REPLY:
        performer_reply(performer, effect);
        break;
    case EFFECT_IMAGE:
        performer_image(ports, &effect->image);
        break;
    case EFFECT_NOTE:
        performer_note(performer, &effect->note);
        break;
    case EFFECT_READY:
        notify_ready();
        log_line(performer->log, LOG_INFO, "ready", "pid=%d", (int)getpid());
        break;
    case EFFECT_DONE:
        performer->done = true;
        break;
    case EFFECT_DEPOSED:
        performer->deposed = effect->deposed;
        break;
    case EFFECT_PIN:
    case EFFECT_PIN_NEXT:
        performer_pin(performer, effect);
        break;
    case EFFECT_JOIN:
        performer_join(performer, &effect->join);
        break;
    case EFFECT_JOINED:
        performer_joined(performer, &effect->joined);
        break;
    case EFFECT_ROUTE:
        assert(effect->route.link < ports->links_count && ports->route);
        ports->route(ports->links[effect->route.link].carrier, effect->route.address,
                     effect->route.endpoint);
        break;
    case EFFECT_ARCHIVE:
        performer_archive(ports, &effect->archive);
        break;
    case EFFECT_BUCKET:
        ports->keep(ports->buckets, &effect->bucket);
        break;
    case EFFECT_JOB:
    case EFFECT_GUARD:
    case EFFECT_READ:
    case EFFECT_USAGE:
        performer_ask_host(performer, effect);
        break;
    case EFFECT_DELIVER:
        assert(ports->deliverer && ports->deliver);
        ports->deliver(ports->deliverer, &effect->deliver);
        break;
    case EFFECT_STREAM:
        performer_stream(ports, &effect->stream);
        break;
    case EFFECT_KIND_COUNT:
        assert(false && "no effect is of this kind");
    }
}

static void performer_trace(const struct performer *performer, const struct effects *effects) {
    auto_clean(text_deinit) struct text line = {0};
    for (size_t i = 0; i < effects->count; i++) {
        text_clear(&line);
        effect_print(&effects->items[i], &line);
        log_line(performer->log, LOG_DEBUG, "effect", "%s", text_data(&line));
    }
}

int performer_run(struct performer *performer, struct effects *effects, uint64_t now_ms,
                  struct error *err) {
    if (performer->log->level >= LOG_DEBUG)
        performer_trace(performer, effects);
    uint64_t known = performer->changes;
    int result = performer_store(performer, effects, now_ms, err);
    for (size_t i = 0; !result && i < effects->count; i++) {
        struct effect *effect = &effects->items[i];
        known += turn_way(effect) == TURN_STORES ? 1 : 0;
        if (effect->kind == EFFECT_REPLY) /* it knows of what was stored before it */
            effect->reply.revision = known;
        performer_one(performer, effect);
    }
    outbox_flush(&performer->outbox);
    for (size_t i = 0; i < performer->ports->links_count; i++)
        performer->ports->flush(performer->ports->links[i].carrier);
    log_write(&performer->lines); /* nobody waits for the log */
    effects_clear(effects);
    return result;
}
