/* What is the same in every line that has a thread and an outbox, whatever library it serves: it
 * waits for orders, makes one connection at a time, and says why that ended. A kind's own struct
 * has it inside; `serve` is the kind's: one connection, from the first packet to the last.
 *
 *   make   carrier_runner_init, what the kind needs, carrier_runner_start
 *   free   carrier_runner_stop, what the kind needed, carrier_runner_deinit
 *
 * XMPP's line has its own, since others write on its connection. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "io/carrier/carrier.h"
#include "io/carrier/cause.h"
#include "io/carrier/outbox.h"
#include "io/carrier/thread.h"
#include "message/news.h"

struct carrier_runner {
    struct carrier_line line;
    uint32_t link;
    struct shell *shell;
    char *address, *url;
    uint64_t handshake_ms, ping_ms;
    pthread_t thread;
    atomic_int purpose; /* enum failover_want: FAILOVER_NOTHING until it is opened */
    atomic_bool is_closing, is_stopping;
    struct carrier_outbox outbox;
    void (*serve)(struct carrier_runner *runner);

    /* the thread's own */
    bool has_frames; /* that wait to be served */
    struct carrier_cause cause, reported;
};

/* Takes what is the same from the settings. */
int carrier_runner_init(struct carrier_runner *runner, const struct carrier_line_settings *settings,
                        void (*serve)(struct carrier_runner *runner), struct error *err);
int carrier_runner_start(struct carrier_runner *runner, struct error *err);
void carrier_runner_stop(struct carrier_runner *runner); /* closes it, and joins its thread */
void carrier_runner_deinit(struct carrier_runner *runner);

bool carrier_runner_is_probe(const struct carrier_runner *runner);

/* For `serve`: the connection is up; frames may wait in the outbox from here on. */
void carrier_runner_on_up(struct carrier_runner *runner);

/* For `serve`, of what came: a frame; a piece of a stream of news, NEWS_BROKEN if it cannot be
 * understood. Last in a turn, what waits by now is served. */
void carrier_runner_on_frame(struct carrier_runner *runner, const char *from, const char *bytes,
                             size_t length);
enum news_read carrier_runner_on_news(struct carrier_runner *runner, struct news_reader *reader,
                                      const char *bytes, size_t length);
void carrier_runner_serve_frames(struct carrier_runner *runner);

/* As struct carrier_kind has them. */
void carrier_runner_open(struct carrier_line *line, enum failover_want purpose);
void carrier_runner_close(struct carrier_line *line);
enum carrier_sent carrier_runner_send(struct carrier_line *line, const char *address,
                                      const char *bytes, size_t length);
void carrier_runner_flush(struct carrier_line *line);
