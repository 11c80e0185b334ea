/* What is opened, and what its manager hears of it. */
#include "io/host/guests/stream.h"

#include "base/log.h"
#include "base/memory.h"
#include "io/host/guests/dial.h"
#include "io/host/libvirt/console.h"
#include "io/host/libvirt/screen.h"
#include "io/host/state.h"
#include "io/keys/stream_seal.h"
#include "io/shell/ports.h"
#include "io/stream/streams.h"
#include "message/id.h"

/* A guest's port that nobody answers at, or a QEMU that is asked for its screen, keeps its worker
 * waiting: consoles have their own. */
enum { workers = 2, dial_workers = 16, most_waiting = 66 };

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

static enum code open_end(struct host *host, const struct effect_stream *order, int *out_fd,
                          struct error *err) {
    const struct guest_port to = {order->vm, order->to.port};
    if (!id_is_valid(order->vm))
        return CODE_LOST;
    if (libvirt_is_frozen(host->libvirt, order->vm))
        return CODE_BAD_STATE;
    if (open_to(&order->to) == STREAM_TO_PORT)
        return guest_dial(host->libvirt, &to, out_fd, err);
    if (open_to(&order->to) == STREAM_TO_SCREEN)
        return libvirt_screen(host->libvirt, order->vm, out_fd, err);
    return libvirt_console(host->libvirt, order->vm, out_fd, err);
}

static void open_one(struct host *host, const struct effect_stream *order) {
    struct error err = {0};
    int fd = -1;
    enum code code = open_end(host, order, &fd, &err);
    if (code != CODE_OK) {
        bool is_guests = code == CODE_NOT_FOUND || code == CODE_GUEST_IGNORED;
        shell_log(host->shell, is_guests ? LOG_DEBUG : LOG_WARNING, "stream-unopened",
                  "vm=%s port=%u why=%s", order->vm, order->to.port, err.text);
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

struct pool *guest_stream_pool(struct host *host, bool is_of_consoles, struct error *err) {
    const struct pool_calls calls = {on_opens, on_rest, host};
    return pool_new(is_of_consoles ? workers : dial_workers, most_waiting, &calls, err);
}

void guest_stream_open(struct host *host, const struct effect_stream *order) {
    struct opening *opening = memory_new(1, sizeof(*opening));
    opening->order = *order;
    enum stream_to to = open_to(&order->to);
    text_format(opening->work.lane, sizeof(opening->work.lane), "%s %d %u", order->vm, (int)to,
                order->to.port);
    if (pool_add(to == STREAM_TO_CONSOLE ? host->opens : host->dials, &opening->work) ==
        POOL_ADDED)
        return;
    guest_stream_drop(&opening->work);
    tell(host, order->number, CODE_BUSY, "");
}
