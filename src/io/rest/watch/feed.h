/* What one token hears of one list: the changes that concern it, as it may see them, in the order
 * of the commits. All who watch the same list by the same token share a feed.
 *
 * The feed looks at the notes of what was stored, and asks the role for each such thing by its
 * token; so whose it is, what of it may be seen and whether it is there at all is decided where a
 * GET's is. What is not there, or no longer as the query wants it, is told as removed. Everything
 * under the lock of the watch. */
#pragma once

#include "base/list.h"
#include "io/rest/watch/notes.h"
#include "message/query/filter.h"
#include "message/query/pick.h"

enum {
    feed_batch = 64,           /* things that are asked for at a time */
    feed_events = 256,         /* that are kept for those who are behind */
    feed_bytes = 256 * 1024,
};

/* An event as it goes out. */
struct feed_event {
    unsigned references;
    uint64_t number;
    size_t length;
    char bytes[];
};

struct feed_item {
    uint64_t number;
    enum watched kind;
    bool is_gone, is_dead; /* dead: a later one of the batch is of the same thing */
    bool is_anyones;       /* no tenant's: that it is there may be hidden from one */
    char key[limit_name_size];
    struct text event;
};

struct feed {
    struct list node;
    uint32_t id;
    const char *epoch;           /* of the manager's start */
    char token_hash[limit_digest_size];
    unsigned kinds;              /* bits 1 << enum watched */
    bool is_mixed;               /* events say of which kind their thing is */
    const struct table *rows;    /* of a list; NULL: mixed */
    struct list_query query;
    struct pick pick;
    struct filter filter;
    uint64_t from;               /* all changes after it have been heard, or lost to `first` */
    uint64_t seen;               /* notes before it were looked at */
    uint64_t number;             /* of the newest change that was looked at */
    bool knows_who, is_tenants, has_ended;
    char tenant[limit_name_size];
    struct feed_item *items;     /* feed_batch: asked for */
    size_t items_count, asked;   /* asked: and not answered */
    struct feed_event *events[feed_events];
    uint64_t first, next;        /* of the events that are kept, by number of their coming */
    size_t bytes;
    struct list watchers;
    size_t watchers_count;
};

/* What is asked of the role for a feed. */
struct feed_ask {
    uint64_t handle;
    enum request_kind kind;
    char key[limit_name_size];
    char token_hash[limit_digest_size];
};

/* Looks at what was stored since, and lists what is to be asked; the number of them. `most` is at
 * least feed_batch. With nothing to ask the feed has events, if it has any, at once. */
size_t feed_look(struct feed *feed, const struct notes *notes, struct feed_ask *out_asks);

/* Handles of feeds are told from others by their lowest bits. */
bool feed_is_handle(uint64_t handle);
uint32_t feed_of_handle(uint64_t handle);

/* The role's answer to one. True: all that was asked for is answered, and events are there. */
bool feed_answer(struct feed *feed, const struct reply *reply);

/* One event, with the revision of that number. */
struct feed_word {
    const char *name;
    uint64_t number;
    const struct text *data; /* NULL: {} */
};
void feed_print(const struct feed *feed, const struct feed_word *word, struct text *out);

void feed_release(struct feed_event *event);
void feed_free(struct feed *feed); /* nobody watches it */
