/* Which changes concern a feed, and what is told of each. */
#include "io/rest/watch/feed.h"

#include <string.h>

#include "base/map.h"
#include "base/memory.h"
#include "message/codec.h"

enum { handle_bits = 16, handle_mark = 0xffff, item_bits = 8, item_whoami = 0xff };

static uint64_t handle_of(const struct feed *feed, size_t item) {
    return ((uint64_t)feed->id << item_bits | item) << handle_bits | handle_mark;
}

bool feed_is_handle(uint64_t handle) { return (handle & handle_mark) == handle_mark; }

uint32_t feed_of_handle(uint64_t handle) {
    return (uint32_t)(handle >> (handle_bits + item_bits));
}

void feed_release(struct feed_event *event) {
    if (event && --event->references == 0)
        memory_free(event);
}

void feed_print(const struct feed *feed, const struct feed_word *word, struct text *out) {
    text_addf(out, "event: %s\nid: %s-%llu\ndata: %s\n\n", word->name, feed->epoch,
              (unsigned long long)word->number, word->data ? text_data(word->data) : "{}");
}

static void drop_first(struct feed *feed) {
    struct feed_event *event = feed->events[feed->first++ % feed_events];
    feed->bytes -= event->length;
    feed->from = event->number > feed->from ? event->number : feed->from;
    feed_release(event);
}

static void add_event(struct feed *feed, uint64_t number, const struct text *text) {
    struct feed_event *event = memory_new(sizeof(*event) + text->length, 1);
    *event = (struct feed_event){.references = 1, .number = number, .length = text->length};
    memcpy(event->bytes, text_data(text), text->length);
    while (feed->next - feed->first == feed_events ||
           (feed->next > feed->first && feed->bytes + event->length > feed_bytes))
        drop_first(feed);
    feed->events[feed->next++ % feed_events] = event;
    feed->bytes += event->length;
}

static void add_reset(struct feed *feed, uint64_t number) {
    auto_clean(text_deinit) struct text text = {0};
    feed_print(feed, &(struct feed_word){"reset", number, NULL}, &text);
    add_event(feed, number, &text);
}

/* Does a tenant see other images and clusters from now on? */
static bool changes_permissions(const struct feed *feed, const struct note *note) {
    return feed->is_tenants && note->kind == WATCHED_TENANT &&
           !note->is_counted && text_equal(note->key, feed->tenant) &&
           (feed->kinds & (1U << WATCHED_IMAGE | 1U << WATCHED_CLUSTER));
}

/* Its tenant is deleted, and its token with it. */
static bool ends(const struct feed *feed, const struct note *note) {
    return feed->is_tenants && note->kind == WATCHED_TENANT && note->is_gone &&
           text_equal(note->key, feed->tenant);
}

static bool concerns(const struct feed *feed, const struct note *note) {
    if (!(feed->kinds >> note->kind & 1))
        return false;
    if (feed->is_tenants && watched_kinds[note->kind].asker &&
        !text_equal(note->asker, feed->tenant))
        return false;
    if (feed->is_mixed && feed->query.vm[0] &&
        (note->kind > WATCHED_OPERATION ||
         (note->kind == WATCHED_VM && !text_equal(note->key, feed->query.vm))))
        return false;
    return true;
}

/* A thing that changed more than once is asked for once, where it changed last. */
static void take_note(struct feed *feed, const struct note *note, struct map *known) {
    struct feed_item *item = &feed->items[feed->items_count];
    *item = (struct feed_item){.number = note->number, .kind = note->kind,
                               .is_gone = note->is_gone,
                               .is_anyones = !watched_kinds[note->kind].asker};
    text_set(item->key, note->key);
    struct feed_item *before = map_remove(known, item->key);
    if (before && before->kind == item->kind)
        before->is_dead = true;
    map_put(known, item->key, item);
    feed->items_count++;
}

static void gather(struct feed *feed, const struct notes *notes) {
    struct map known;
    map_init(&known, 0);
    uint64_t at = feed->seen;
    for (; at < notes->told && feed->items_count < feed_batch; at++) {
        const struct note *note = notes_at(notes, at);
        feed->has_ended |= ends(feed, note);
        if (changes_permissions(feed, note))
            add_reset(feed, note->number);
        else if (concerns(feed, note))
            take_note(feed, note, &known);
    }
    feed->seen = at;
    feed->number = at == notes->told ? notes->number : notes_at(notes, at - 1)->number;
    map_deinit(&known);
}

static void add_item(const struct feed *feed, const struct feed_item *item,
                     const struct record *record, struct text *out) {
    if (feed->is_mixed)
        text_addf(out, "{\"kind\":\"%s\",\"item\":", watched_kinds[item->kind].name);
    codec_encode(feed->is_mixed ? record->table : &feed->pick.table, record->data, FIELD_API, out);
    text_add(out, feed->is_mixed ? "}" : "");
}

static void print_removed(const struct feed *feed, struct feed_item *item) {
    auto_clean(text_deinit) struct text data = {0};
    const struct table *stored = watched_kinds[item->kind].stored;
    if (feed->is_mixed)
        text_addf(&data, "{\"kind\":\"%s\",\"item\":", watched_kinds[item->kind].name);
    text_addf(&data, "{\"%s\":\"%s\"}%s", stored->fields[0].name, item->key,
              feed->is_mixed ? "}" : "");
    feed_print(feed, &(struct feed_word){"removed", item->number, &data}, &item->event);
}

/* That something which a tenant may not see is gone is nothing for it to hear. */
static void print_gone(const struct feed *feed, struct feed_item *item) {
    if (!feed->is_tenants || !item->is_anyones)
        print_removed(feed, item);
    else if (item->is_gone)
        feed_print(feed, &(struct feed_word){"reset", item->number, NULL}, &item->event);
}

static void flush(struct feed *feed) {
    for (size_t i = 0; i < feed->items_count; i++) {
        struct feed_item *item = &feed->items[i];
        if (item->event.length)
            add_event(feed, item->number, &item->event);
        text_deinit(&item->event);
    }
    feed->items_count = 0;
}

static struct feed_ask ask_of(const struct feed *feed, size_t at, enum request_kind kind) {
    struct feed_ask ask = {.handle = handle_of(feed, at), .kind = kind};
    text_set(ask.token_hash, feed->token_hash);
    return ask;
}

size_t feed_look(struct feed *feed, const struct notes *notes, struct feed_ask *out_asks) {
    if (feed->asked || feed->has_ended)
        return 0;
    if (!feed->knows_who) {
        out_asks[0] = ask_of(feed, item_whoami, REQUEST_WHOAMI);
        return feed->asked = 1;
    }
    if (feed->seen < notes_first(notes)) {
        add_reset(feed, notes->number);
        feed->seen = notes->told;
        feed->number = notes->number;
        return 0;
    }
    gather(feed, notes);
    for (size_t i = 0; i < feed->items_count; i++) {
        struct feed_item *item = &feed->items[i];
        if (item->is_dead)
            continue;
        if (item->is_gone && item->kind != WATCHED_OPERATION) { /* one that ended may be kept */
            print_gone(feed, item);
            continue;
        }
        out_asks[feed->asked] = ask_of(feed, i, watched_kinds[item->kind].show);
        text_set(out_asks[feed->asked++].key, item->key);
    }
    if (!feed->asked)
        flush(feed);
    return feed->asked;
}

static bool is_wanted(const struct feed *feed, const struct record *record) {
    if (feed->is_mixed && record->table == &vm_table)
        return true; /* its id was looked at */
    if (!feed->is_mixed)
        return filter_fits(&feed->filter, record->data);
    struct filter filter;
    struct codec_fault fault;
    return filter_make(&filter, &feed->query, record->table, &fault) &&
           filter_fits(&filter, record->data);
}

static void answer_item(struct feed *feed, struct feed_item *item, const struct reply *reply) {
    auto_clean(text_deinit) struct text data = {0};
    const struct record *record = &reply->record;
    if (reply->kind == REPLY_PROBLEM && reply->code != CODE_NOT_FOUND) {
        feed->has_ended = true;
    } else if (reply->kind == REPLY_PROBLEM) {
        print_gone(feed, item);
    } else if (is_wanted(feed, record)) {
        add_item(feed, item, record, &data);
        feed_print(feed, &(struct feed_word){"changed", item->number, &data}, &item->event);
    } else if (!feed->is_mixed) {
        print_removed(feed, item);
    }
}

bool feed_answer(struct feed *feed, const struct reply *reply) {
    size_t at = reply->handle >> handle_bits & ((1U << item_bits) - 1);
    if (at == item_whoami && reply->kind == REPLY_RECORD) {
        const struct whoami *whoami = reply->record.data;
        feed->knows_who = true;
        feed->is_tenants = whoami->tenant[0];
        text_set(feed->tenant, whoami->tenant);
        if (feed->is_mixed && feed->is_tenants)
            feed->kinds = 1U << WATCHED_VM | 1U << WATCHED_OPERATION;
    } else if (at == item_whoami) {
        feed->has_ended = true;
    } else if (at < feed->items_count) {
        answer_item(feed, &feed->items[at], reply);
    }
    if (--feed->asked)
        return false;
    flush(feed);
    return true;
}

void feed_free(struct feed *feed) {
    flush(feed);
    while (feed->first < feed->next)
        drop_first(feed);
    list_remove(&feed->node);
    memory_free(feed->items);
    memory_free(feed);
}
