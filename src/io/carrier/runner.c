/* The thread's life, and how often a cause is told: once, not at each of its repeats. */
#include "io/carrier/runner.h"


#include "base/log.h"
#include "base/memory.h"

enum { handshake_default_seconds = 15, ping_default_seconds = 30 };

static struct carrier_runner *runner_of(struct carrier_line *line) {
    return container_of(line, struct carrier_runner, line);
}

static void report(struct carrier_runner *runner) {
    const struct carrier_cause *cause = &runner->cause;
    if (runner->is_closing)
        return;
    carrier_on_fault(&runner->line, carrier_cause_what(cause), carrier_cause_remedy(cause));
    if (carrier_cause_is_equal(cause, &runner->reported))
        return;
    runner->reported = *cause;
    auto_clean(text_deinit) struct text why = {0};
    carrier_cause_print(cause, &why);
    bool is_usual = cause->kind == CARRIER_CAUSE_LOST || cause->kind == CARRIER_CAUSE_GONE;
    shell_log(runner->shell, is_usual ? LOG_WARNING : LOG_ERROR, "disconnected",
              "link=%u address=%s server=%s %s", runner->link, runner->address, runner->url,
              text_data(&why));
}

static void await_order(struct carrier_runner *runner) {
    while (!runner->is_stopping && runner->purpose == FAILOVER_NOTHING)
        carrier_outbox_await(&runner->outbox);
}

static void *run(void *argument) {
    struct carrier_runner *runner = argument;
    while (await_order(runner), !runner->is_stopping) {
        runner->cause = (struct carrier_cause){0};
        runner->serve(runner);
        report(runner);
        runner->purpose = FAILOVER_NOTHING;
        carrier_on_down(&runner->line, runner->cause.kind == CARRIER_CAUSE_CONFLICT
                                           ? FAILOVER_CONFLICT
                                           : FAILOVER_BROKEN);
    }
    return NULL;
}

int carrier_runner_init(struct carrier_runner *runner, const struct carrier_line_settings *settings,
                        void (*serve)(struct carrier_runner *runner), struct error *err) {
    unsigned seconds = settings->handshake_seconds, ping_seconds = settings->ping_seconds;
    *runner = (struct carrier_runner){
        .line = settings->line,
        .link = settings->link,
        .shell = settings->shell,
        .handshake_ms = 1000ul * (seconds ? seconds : handshake_default_seconds),
        .ping_ms = 1000ul * (ping_seconds ? ping_seconds : ping_default_seconds),
        .serve = serve,
    };
    if (carrier_outbox_init(&runner->outbox, err))
        return err->code;
    runner->address = memory_text(settings->endpoint->address);
    runner->url = memory_text(settings->endpoint->url);
    return 0;
}

int carrier_runner_start(struct carrier_runner *runner, struct error *err) {
    return carrier_thread_start(&runner->thread, run, runner, err);
}

void carrier_runner_deinit(struct carrier_runner *runner) {
    carrier_outbox_deinit(&runner->outbox);
    memory_free(runner->address);
    memory_free(runner->url);
}

bool carrier_runner_is_probe(const struct carrier_runner *runner) {
    return runner->purpose == FAILOVER_PROBE;
}

void carrier_runner_on_up(struct carrier_runner *runner) {
    bool is_probe = carrier_runner_is_probe(runner);
    runner->reported = (struct carrier_cause){0};
    if (!is_probe)
        carrier_outbox_open(&runner->outbox);
    shell_log(runner->shell, LOG_INFO, is_probe ? "probing" : "connected",
              "link=%u address=%s server=%s", runner->link, runner->address, runner->url);
    carrier_on_up(&runner->line);
}

void carrier_runner_on_frame(struct carrier_runner *runner, const char *from, const char *bytes,
                             size_t length) {
    carrier_on_frame(&runner->line, from, bytes, length);
    runner->has_frames = true;
}

enum news_read carrier_runner_on_news(struct carrier_runner *runner, struct news_reader *reader,
                                      const char *bytes, size_t length) {
    struct news news;
    enum news_read read;
    news_reader_add(reader, bytes, length);
    while ((read = news_reader_next(reader, &news)) == NEWS_READ) {
        if (news.kind == NEWS_FRAME)
            carrier_runner_on_frame(runner, news.address, news.bytes, news.length);
        else
            carrier_on_peer(&runner->line, news.address,
                            news.kind == NEWS_UP ? PRESENCE_UP : PRESENCE_DOWN);
    }
    return read;
}

void carrier_runner_serve_frames(struct carrier_runner *runner) {
    if (!runner->has_frames)
        return;
    runner->has_frames = false;
    shell_serve(runner->shell);
}

void carrier_runner_open(struct carrier_line *line, enum failover_want purpose) {
    struct carrier_runner *runner = runner_of(line);
    runner->is_closing = false;
    runner->purpose = (int)purpose;
    carrier_outbox_wake(&runner->outbox);
}

void carrier_runner_close(struct carrier_line *line) {
    struct carrier_runner *runner = runner_of(line);
    runner->is_closing = true;
    carrier_outbox_wake(&runner->outbox);
}

void carrier_runner_stop(struct carrier_runner *runner) {
    runner->is_stopping = true;
    carrier_runner_close(&runner->line);
    pthread_join(runner->thread, NULL);
}

enum carrier_sent carrier_runner_send(struct carrier_line *line, const char *address,
                                      const char *bytes, size_t length) {
    auto_clean(text_deinit) struct text frame = {0};
    return news_add_frame(&frame, address, bytes, length) &&
                   carrier_outbox_add(&runner_of(line)->outbox, &frame)
               ? CARRIER_SENT
               : CARRIER_DROPPED;
}

void carrier_runner_flush(struct carrier_line *line) {
    struct carrier_runner *runner = runner_of(line);
    if (!carrier_outbox_is_empty(&runner->outbox))
        carrier_outbox_wake(&runner->outbox);
}
