/* Who watches lists, and what is sent to them: server-sent events, in the order of the commits, of
 * what is on disk alone.
 *
 * The shell tells what it stores (notes.h). A thread gathers for a moment, has each feed (feed.h)
 * ask the role for what changed, and the events wait in the feed until its watchers have taken
 * them. One that is too slow for that hears `reset`, and lists again; nothing grows for it. */
#pragma once

#include "io/http/server.h"
#include "io/rest/watch/feed.h"
#include "io/shell/ports.h"

struct watch;

enum { watch_revision_size = 32 };

struct watcher {
    struct list node; /* in feed.watchers */
    struct feed *feed; /* NULL: it has not joined, or has left */
    struct http_request *http;
    uint64_t next;     /* of the feed's events */
    struct feed_event *current;
    size_t sent;       /* of it */
    char own[128];     /* an event for it alone */
    size_t own_length, own_sent;
    uint64_t began_ms, told_ms;
    bool has_ended;
};

/* What it wants to hear. */
struct watch_wish {
    struct http_request *http;
    const char *token_hash;
    const struct table *rows; /* of the list; NULL: events of all kinds */
    enum request_kind list;   /* with `rows` */
    const struct list_query *query;
    const char *after;        /* a revision; "": from `number` on */
    uint64_t number;
};

enum watch_trust { WATCH_BY_TOKEN, WATCH_BY_SOCKET };

/* On the clock that waits go by. */
uint64_t watch_now_ms(void);

/* NULL with `err`: there is no thread for it. */
struct watch *watch_start(struct shell *shell, enum watch_trust trust, struct error *err);
/* Ends all streams, which are still to be closed; repeats do nothing. Then all are closed. */
void watch_end(struct watch *watch);
void watch_free(struct watch *watch);

/* A revision's text: this start, and a number of its changes. */
void watch_revision(const struct watch *watch, uint64_t number, char out[watch_revision_size]);

void watch_join(struct watch *watch, struct watcher *watcher, const struct watch_wish *wish);
/* Ends the stream of a watcher, if it has joined. */
void watch_cut(struct watch *watch, struct watcher *watcher);
void watch_leave(struct watch *watch, struct watcher *watcher); /* also one that never joined */

/* All streams by this token end. */
void watch_end_token(struct watch *watch, const char *token_hash);

/* As http_face.on_stream. */
long watch_read(struct watch *watch, struct watcher *watcher, char *bytes, size_t room);

/* A reply to what a feed asked? Then it is taken. */
bool watch_reply(struct watch *watch, struct reply *reply);

/* From the shell: an effect is stored, as the change of this number; all up to it are on disk. */
void watch_stored(struct watch *watch, const struct effect *effect, uint64_t number);
void watch_committed(struct watch *watch, uint64_t number);
