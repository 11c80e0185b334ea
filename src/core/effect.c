/* What each kind of effect owns, and the line that it prints. */
#include "core/effect.h"

#include <stdarg.h>
#include <string.h>

#include "base/memory.h"

const char *const job_names[JOB_KIND_COUNT] = {
    "scan", "look", "fetch", "create", "start", "shutdown", "stop", "pause", "resume",
    "suspend", "reboot", "resize", "rebuild", "snapshot", "snapshot-delete", "revert",
    "receive", "migrate", "adopt", "copy", "allow", "connect", "remove", "evict"};

const char *const stream_order_names[STREAM_CUT + 1] = {"open", "take", "refuse", "dial", "cut"};
const char *const guard_order_names[GUARD_END + 1] = {"take", "drop", "renew", "end"};
const char *const archive_word_names[ARCHIVE_KEEP + 1] = {"ask", "remove", "keep"};
const char *const bucket_order_names[BUCKET_ORDER_COUNT] = {"open", "keep", "drop"};

struct effect *effects_add(struct effects *effects, enum effect_kind kind) {
    if (effects->count == effects->capacity) {
        effects->capacity = effects->capacity ? effects->capacity * 2 : 8;
        effects->items =
            memory_resize(effects->items, effects->capacity * sizeof(*effects->items));
    }
    struct effect *effect = &effects->items[effects->count++];
    memset(effect, 0, sizeof(*effect));
    effect->kind = kind;
    return effect;
}

void effects_save(struct effects *effects, const struct table *table, const void *data) {
    struct record record = record_copy(table, data);
    effects_add(effects, EFFECT_SAVE)->record = record;
}

void *effects_forget(struct effects *effects, const struct table *table, const char *key) {
    struct record record = {.table = table, .data = memory_new(1, table->size)};
    const struct field *first = &table->fields[0];
    text_set_sized((char *)record.data + first->offset, first->size, key);
    effects_add(effects, EFFECT_FORGET)->record = record;
    return record.data;
}

void effects_note(struct effects *effects, enum note_level level, const char *op,
                  const char *format, ...) {
    struct effect *effect = effects_add(effects, EFFECT_NOTE);
    effect->note.level = level;
    text_set(effect->note.op, op);
    va_list arguments;
    va_start(arguments, format);
    text_formatv(effect->note.text, sizeof(effect->note.text), format, arguments);
    va_end(arguments);
}

bool effects_worth_noting(uint64_t times) { return (times & (times - 1)) == 0; }

static void effect_clear(struct effect *effect) {
    switch (effect->kind) {
    case EFFECT_SAVE:
    case EFFECT_FORGET:
        record_deinit(&effect->record);
        return;
    case EFFECT_SEND:
        message_clear(&effect->send.message);
        return;
    case EFFECT_REPLY:
        reply_clear(&effect->reply);
        return;
    case EFFECT_JOB:
        record_clear(&definition_table, &effect->job.definition);
        record_clear(&landing_table, &effect->job.landing);
        return;
    case EFFECT_DELIVER:
        record_deinit(&effect->deliver.contact);
        record_deinit(&effect->deliver.delivery);
        return;
    case EFFECT_ACKNOWLEDGE:
    case EFFECT_IMAGE:
    case EFFECT_NOTE:
    case EFFECT_READY:
    case EFFECT_DONE:
    case EFFECT_PIN:
    case EFFECT_PIN_NEXT:
    case EFFECT_JOIN:
    case EFFECT_JOINED:
    case EFFECT_ROUTE:
    case EFFECT_DEPOSED:
    case EFFECT_STREAM:
    case EFFECT_READ:
    case EFFECT_USAGE:
    case EFFECT_BUCKET:
    case EFFECT_GUARD:
    case EFFECT_ARCHIVE:
    case EFFECT_KIND_COUNT:
        return;
    }
}

void effects_route(struct effects *effects, uint32_t link, const char *address,
                   uint32_t endpoint) {
    struct effect_route *route = &effects_add(effects, EFFECT_ROUTE)->route;
    route->link = link;
    route->endpoint = endpoint;
    text_set(route->address, address);
}

void effects_archive(struct effects *effects, const struct effect_archive *archive) {
    effects_add(effects, EFFECT_ARCHIVE)->archive = *archive;
}

void effects_note_disk(struct effects *effects, bool is_full, const char *which) {
    if (is_full)
        effects_note(effects, NOTE_WARNING, "", "disk-full: the disk %s has less left than is "
                     "kept free; no new VM begins here until there is room again", which);
    else
        effects_note(effects, NOTE_INFO, "", "the disk %s has room again", which);
}

void effects_clear(struct effects *effects) {
    for (size_t i = 0; i < effects->count; i++)
        effect_clear(&effects->items[i]);
    effects->count = 0;
}

void effects_deinit(struct effects *effects) {
    effects_clear(effects);
    memory_free(effects->items);
    *effects = (struct effects){0};
}

static void print_reply(const struct reply *reply, struct text *out) {
    static const char *const kinds[] = {"record", "created", "operation", "list", "gone",
                                        "problem"};
    text_addf(out, "reply %llu %s", (unsigned long long)reply->handle, kinds[reply->kind]);
    if (reply->kind == REPLY_PROBLEM)
        text_addf(out, " code=%s field=%s text=\"%s\"", code_names[reply->code], reply->field,
                  reply->text);
    if (reply->record.data) {
        text_addf(out, " %s ", reply->record.table->name);
        codec_print(reply->record.table, reply->record.data, out);
    }
    if (reply->kind == REPLY_LIST)
        text_addf(out, " rows=%u next=%s", reply->list_count, reply->next);
}

static void print_record(const struct effect *effect, struct text *out) {
    text_addf(out, "%s %s ", effect->kind == EFFECT_SAVE ? "save" : "forget",
              effect->record.table->name);
    codec_print(effect->record.table, effect->record.data, out);
}

static void print_guard(const struct effect_guard *guard, struct text *out) {
    text_addf(out, "guard %s group=%u vm=%s until=%llu", guard_order_names[guard->order],
              guard->group, guard->vm, (unsigned long long)guard->until_ms);
}

static void print_deposed(const struct effect_deposed *deposed, struct text *out) {
    text_addf(out, "deposed term=%llu later=%llu", (unsigned long long)deposed->term,
              (unsigned long long)deposed->later);
}

static void print_upstreams(const struct effect *effect, struct text *out) {
    const struct record *delivery = &effect->deliver.delivery;
    if (effect->kind == EFFECT_ARCHIVE) {
        text_addf(out, "archive %s %s", archive_word_names[effect->archive.word],
                  effect->archive.digest);
        return;
    }
    text_add(out, "deliver ");
    codec_print(delivery->table, delivery->data, out);
}

static void print_bucket(const struct effect_bucket *bucket, struct text *out) {
    text_addf(out, "bucket %s op=%s vm=%s", bucket_order_names[bucket->order], bucket->op,
              bucket->vm);
}

static void print_acknowledge(const struct effect_send *send, struct text *out) {
    text_addf(out, "acknowledge to=%s received=%llu%s", send->address,
              (unsigned long long)send->header.received, send->header.gap ? " gap" : "");
}

static void print_join(const struct effect *effect, struct text *out) {
    if (effect->kind == EFFECT_JOIN)
        text_addf(out, "join to=%s token=%s", effect->join.address, effect->join.token);
    else
        text_addf(out, "joined to=%s %s", effect->joined.address,
                  join_verdict_names[effect->joined.verdict]);
}

static void print_stream(const struct effect_stream *stream, struct text *out) {
    text_addf(out, "stream %s %llu vm=%s", stream_order_names[stream->order],
              (unsigned long long)stream->number, stream->vm);
}

void effect_print(const struct effect *effect, struct text *out) {
    switch (effect->kind) {
    case EFFECT_SAVE:
    case EFFECT_FORGET:
        print_record(effect, out);
        return;
    case EFFECT_SEND:
        text_addf(out, "send to=%s %s ", effect->send.address,
                  message_table(effect->send.message.kind)->name);
        codec_print(message_table(effect->send.message.kind), &effect->send.message.welcome,
                    out);
        return;
    case EFFECT_ACKNOWLEDGE:
        print_acknowledge(&effect->send, out);
        return;
    case EFFECT_REPLY:
        print_reply(&effect->reply, out);
        return;
    case EFFECT_IMAGE:
        text_addf(out, "image %s", effect->image.digest);
        return;
    case EFFECT_JOB:
        text_addf(out, "job %llu %s%s op=%s vm=%s", (unsigned long long)effect->job.job,
                  job_names[effect->job.kind], effect->job.starts ? "+start" : "",
                  effect->job.op, effect->job.vm);
        return;
    case EFFECT_NOTE:
        text_addf(out, "note op=%s %s", effect->note.op, effect->note.text);
        return;
    case EFFECT_READY:
    case EFFECT_DONE:
        text_add(out, effect->kind == EFFECT_READY ? "ready" : "done");
        return;
    case EFFECT_PIN:
    case EFFECT_PIN_NEXT:
        text_addf(out, "pin%s %s %s", effect->kind == EFFECT_PIN ? "" : "-next",
                  effect->pin.address, effect->pin.key);
        return;
    case EFFECT_JOIN:
    case EFFECT_JOINED:
        print_join(effect, out);
        return;
    case EFFECT_ROUTE:
        text_addf(out, "route %s endpoint=%u", effect->route.address, effect->route.endpoint);
        return;
    case EFFECT_GUARD:
        print_guard(&effect->guard, out);
        return;
    case EFFECT_STREAM:
        print_stream(&effect->stream, out);
        return;
    case EFFECT_READ:
    case EFFECT_USAGE:
        text_addf(out, effect->kind == EFFECT_READ ? "read vm=%s" : "usage", effect->read.vm);
        return;
    case EFFECT_ARCHIVE:
    case EFFECT_DELIVER:
        print_upstreams(effect, out);
        return;
    case EFFECT_BUCKET:
        print_bucket(&effect->bucket, out);
        return;
    case EFFECT_DEPOSED:
        print_deposed(&effect->deposed, out);
        return;
    case EFFECT_KIND_COUNT:
        return;
    }
}
