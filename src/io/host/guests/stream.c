/* What is opened, and what its manager hears of it. */
#include "io/host/guests/stream.h"

#include "base/log.h"
#include "base/memory.h"
#include "io/host/libvirt/console.h"
#include "io/host/state.h"
#include "io/keys/stream_seal.h"
#include "io/shell/ports.h"
#include "io/stream/streams.h"
#include "message/id.h"

enum { workers = 2, most_waiting = 64 };

struct opening {
    struct work work; /* first */
    struct effect_stream order;
};

void guest_stream_drop(struct work *work) {
    memory_free(container_of(work, struct opening, work));
}

static void tell(struct host *host, uint64_t number, enum code code, const char *key) {
    struct event event = {.kind = EVENT_STREAM, .stream = {.news = STREAM_IS_OPEN,
                                                           .number = number, .code = code}};
    text_set(event.stream.key, key);
    shell_post(host->shell, &event);
}

static void open_one(struct host *host, const struct effect_stream *order) {
    struct error err = {0};
    int fd = -1;
    enum code code = !id_is_valid(order->vm)                                 ? CODE_LOST
                     : libvirt_is_frozen(host->libvirt, order->vm) ? CODE_BAD_STATE
                                    : libvirt_console(host->libvirt, order->vm, &fd, &err);
    if (code != CODE_OK) {
        shell_log(host->shell, LOG_WARNING, "console-unopened", "vm=%s why=%s", order->vm,
                  err.text);
        tell(host, order->number, code, "");
        return;
    }
    struct stream_secret own;
    stream_secret_draw(&own);
    tell(host, order->number, CODE_OK, own.key); /* before its end can be told */
    streams_dial(host->streams, &(struct stream_dial){.number = order->number, .fd = fd,
                                                      .to = order->to, .secret = own.secret});
}

static void on_opens(void *context, struct list *batch) {
    struct host *host = context;
    list_for(struct work, work, batch, node) {
        if (!atomic_load(&host->closing))
            open_one(host, &container_of(work, struct opening, work)->order);
        guest_stream_drop(work);
    }
}

static void on_rest(void *context) { (void)context; }

struct pool *guest_stream_pool(struct host *host, struct error *err) {
    const struct pool_calls calls = {on_opens, on_rest, host};
    return pool_new(workers, most_waiting, &calls, err);
}

void guest_stream_open(struct host *host, const struct effect_stream *order) {
    struct opening *opening = memory_new(1, sizeof(*opening));
    opening->order = *order;
    text_format(opening->work.lane, sizeof(opening->work.lane), "%s", order->vm);
    if (pool_add(host->opens, &opening->work) == POOL_ADDED)
        return;
    guest_stream_drop(&opening->work);
    tell(host, order->number, CODE_BUSY, "");
}
