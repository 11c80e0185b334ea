/* Who takes a turn and when, what a turn is made of, and when the loop wakes by itself; how the
 * daemon starts and stops. */
#include "io/shell/shell.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

#include "base/memory.h"
#include "io/shell/keys.h"
#include "io/shell/notify.h"
#include "io/shell/perform.h"
#include "io/shell/queue.h"

/* Events of one turn: enough to fill frames and commits, few enough to stay answering. */
enum { turn_events = 256, grace_ms = 10000, complaint_ms = 1000, keys_ms = 1000,
       look_ms = 5000 };
static const uint64_t never = UINT64_MAX;

struct shell {
    struct role *role;
    const struct log *log;
    uv_loop_t loop;
    uv_async_t wake;
    uv_timer_t deadline, grace, keys, look;
    uv_signal_t terminate, interrupt, hangup;
    bool stopping;
    struct shell_queue queue;
    atomic_uint_fast64_t overflows; /* frames that found the queue full */

    pthread_mutex_t turn; /* guards the role and all below: whoever holds it takes a turn */
    enum { SHELL_CLOSED, SHELL_SERVING } state;
    uint64_t complaints, complained_ms;
    const struct shell_ports *ports; /* while it runs */
    struct performer performer;
    struct shell_keys key_changes;
    atomic_bool disk_full; /* as the role was told last */
    struct effects effects;
    struct text opened; /* scratch */
    struct text status; /* as systemd was told */
    struct error failure; /* of a commit */
    uint64_t armed_ms;      /* when the loop wakes by itself, or never */
};

/* It goes on while the machine is suspended, as a lease does that is held here. */
static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t wall_ms(void) {
    uv_timeval64_t now;
    (void)uv_gettimeofday(&now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_usec / 1000;
}

void shell_put(struct shell *shell, const struct event *event) {
    (void)shell_queue_put(&shell->queue, posted_new(event));
}

void shell_post(struct shell *shell, const struct event *event) {
    shell_put(shell, event);
    (void)uv_async_send(&shell->wake);
}

void shell_post_bytes(struct shell *shell, const struct event_frame *about, const char *bytes,
                      size_t length) {
    if (!shell_queue_put(&shell->queue, posted_from_bytes(about, bytes, length)))
        atomic_fetch_add(&shell->overflows, 1);
}

void shell_log(struct shell *shell, int level, const char *event, const char *format, ...) {
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    log_line(shell->log, (enum log_level)level, event, "%s", line);
}

static void shell_trace(struct shell *shell, const struct event *event) {
    if (event->kind == EVENT_LINK)
        log_line(shell->log, LOG_INFO, "link", "link=\"%s\" state=%s",
                 shell->ports->links[event->presence.link].name,
                 event->presence.presence == PRESENCE_UP ? "up" : "down");
    if (shell->log->level < LOG_DEBUG)
        return;
    auto_clean(text_deinit) struct text line = {0};
    event_print(event, &line);
    log_line(shell->log, LOG_DEBUG, "event", "%s", text_data(&line));
}

static void shell_step(struct shell *shell, struct event *event) {
    event->now_ms = now_ms();
    event->wall_ms = wall_ms();
    shell_trace(shell, event);
    role_step(shell->role, event, &shell->effects);
}

/* A stranger may send us anything: one line a second at the most. */
static void shell_complain(struct shell *shell, const struct posted *posted, int result,
                           const struct codec_fault *fault) {
    static const char *const causes[] = {
        [SEAL_STRANGER] = "no key is pinned for this address",
        [SEAL_BROKEN] = "it is forged, altered, or sealed by another key than the pinned one",
        [SEAL_TOO_LONG] = "it is longer than a frame may be",
    };
    const char *link = shell->ports->links[posted->event.frame.link].name;
    uint64_t now = now_ms();
    shell->complaints++;
    if (shell->complained_ms && now - shell->complained_ms < complaint_ms)
        return;
    char from[limit_address_size + 8], text[sizeof(fault->text) + 8];
    log_quote(posted->address, from, sizeof(from));
    if (result > 0)
        log_line(shell->log, LOG_WARNING, "unsealed-frame",
                 "link=\"%s\" from=%s cause=\"%s\" dropped=%" PRIu64, link, from, causes[result],
                 shell->complaints);
    else
        log_line(shell->log, LOG_WARNING, "bad-frame",
                 "link=\"%s\" from=%s field=\"%s\" text=%s dropped=%" PRIu64, link, from,
                 fault->field, log_quote(fault->text, text, sizeof(text)), shell->complaints);
    shell->complained_ms = now;
    shell->complaints = 0;
}

static void shell_take(struct shell *shell, struct posted *posted) {
    struct codec_fault fault = {0};
    struct event rekeyed;
    int result = 0;
    if (posted->bytes) {
        uint32_t link = posted->event.frame.link;
        result = posted_decode(posted, shell->ports->links[link].seal, &shell->opened, &fault);
        if (!result && shell_keys_opened(&shell->key_changes, link, &rekeyed))
            shell_step(shell, &rekeyed);
    }
    if (result)
        shell_complain(shell, posted, result, &fault);
    else
        shell_step(shell, &posted->event);
    posted_free(posted);
}

static bool shell_has_ended(const struct shell *shell) {
    return shell->failure.code || shell->performer.done;
}

/* When something is to happen that nobody posts. */
static uint64_t shell_due_ms(const struct shell *shell) {
    uint64_t due = role_deadline_ms(shell->role);
    uint64_t commit = shell->performer.turn.due_ms;
    return due < commit ? due : commit;
}

/* One turn, by whoever holds shell->turn. */
static void shell_turn(struct shell *shell) {
    if (shell->state != SHELL_SERVING || shell_has_ended(shell))
        return;
    struct posted *posted;
    for (size_t i = 0; i < turn_events && (posted = shell_queue_take(&shell->queue)); i++)
        shell_take(shell, posted);
    /* After the frames: what a peer said while we were busy counts before its silence does. */
    if (now_ms() >= role_deadline_ms(shell->role))
        shell_step(shell, &(struct event){.kind = EVENT_TICK});
    if (performer_run(&shell->performer, &shell->effects, now_ms(), &shell->failure))
        return;
    uint64_t overflows = atomic_exchange(&shell->overflows, 0);
    if (overflows)
        log_line(shell->log, LOG_WARNING, "queue-full", "frames=%" PRIu64, overflows);
}

/* What an adapter answers at once is seen to without another wake. */
static void shell_turns(struct shell *shell) {
    enum { turns_most = 4 };
    shell_turn(shell);
    for (size_t i = 1; i < turns_most && !shell_queue_is_empty(&shell->queue); i++)
        shell_turn(shell);
}

void shell_serve(struct shell *shell) {
    bool wake = pthread_mutex_trylock(&shell->turn) != 0; /* who is at it may have looked already */
    if (!wake) {
        shell_turns(shell);
        wake = shell->state == SHELL_SERVING &&
               (shell_has_ended(shell) || shell_due_ms(shell) < shell->armed_ms ||
                !shell_queue_is_empty(&shell->queue));
        (void)pthread_mutex_unlock(&shell->turn);
    }
    if (wake)
        (void)uv_async_send(&shell->wake);
}

static void on_deadline(uv_timer_t *timer);

static void shell_arm(struct shell *shell) {
    uint64_t now = now_ms();
    shell->armed_ms = shell_due_ms(shell);
    if (shell->armed_ms == never) {
        (void)uv_timer_stop(&shell->deadline);
        return;
    }
    uv_update_time(&shell->loop); /* its own clock stands still during a turn */
    (void)uv_timer_start(&shell->deadline, on_deadline,
                         shell->armed_ms > now ? shell->armed_ms - now : 0, 0);
}

static void shell_turn_on_loop(struct shell *shell) {
    (void)pthread_mutex_lock(&shell->turn);
    shell_turns(shell);
    if (shell_has_ended(shell))
        uv_stop(&shell->loop);
    else
        shell_arm(shell);
    (void)pthread_mutex_unlock(&shell->turn);
    if (!shell_queue_is_empty(&shell->queue))
        (void)uv_async_send(&shell->wake);
}

static void on_wake(uv_async_t *wake) { shell_turn_on_loop(wake->data); }
static void on_deadline(uv_timer_t *timer) { shell_turn_on_loop(timer->data); }

/* What systemd shows of us, when it has changed. */
static void shell_tell_status(struct shell *shell) {
    const struct shell_ports *ports = shell->ports;
    auto_clean(text_deinit) struct text status = {0};
    if (!ports->status || shell->stopping)
        return;
    ports->status(ports->daemon, wall_ms(), &status);
    if (text_equal(text_data(&status), text_data(&shell->status)))
        return;
    notify_status(text_data(&status));
    text_clear(&shell->status);
    text_add(&shell->status, text_data(&status));
}

/* A key to change to may be put beside ours at any time. */
static void on_keys(uv_timer_t *timer) {
    struct shell *shell = timer->data;
    struct event event;
    (void)pthread_mutex_lock(&shell->turn);
    for (uint32_t i = 0; shell->state == SHELL_SERVING && i < shell->ports->links_count; i++)
        if (shell_keys_look(&shell->key_changes, i, wall_ms(), &event))
            shell_step(shell, &event);
    (void)pthread_mutex_unlock(&shell->turn);
    shell_tell_status(shell);
    shell_turn_on_loop(shell);
}

bool shell_disk_is_full(const struct shell *shell) { return atomic_load(&shell->disk_full); }

/* Is there room on the disk, of the books and of the host? */
static void on_look(uv_timer_t *timer) {
    struct shell *shell = timer->data;
    if (shell->ports->look)
        shell->ports->look(shell->ports->host);
    (void)pthread_mutex_lock(&shell->turn);
    bool is_full = shell->state == SHELL_SERVING && !store_has_room(shell->ports->store);
    if (is_full != atomic_load(&shell->disk_full) && !shell_has_ended(shell)) {
        struct event event = {.kind = EVENT_DISK, .disk = {is_full}};
        atomic_store(&shell->disk_full, is_full);
        shell_step(shell, &event);
    }
    (void)pthread_mutex_unlock(&shell->turn);
    shell_turn_on_loop(shell);
}

static void on_grace(uv_timer_t *timer) {
    struct shell *shell = timer->data;
    log_line(shell->log, LOG_WARNING, "stop-unfinished", "after_ms=%d", grace_ms);
    uv_stop(&shell->loop);
}

static void on_signal(uv_signal_t *handle, int number) {
    struct shell *shell = handle->data;
    if (shell->stopping) {
        log_line(shell->log, LOG_WARNING, "stop-at-once", "signal=%d", number);
        uv_stop(&shell->loop);
        return;
    }
    shell->stopping = true;
    notify_stopping();
    log_line(shell->log, LOG_INFO, "stopping", "signal=%d", number);
    (void)uv_timer_start(&shell->grace, on_grace, grace_ms, 0);
    shell_post(shell, &(struct event){.kind = EVENT_STOP});
}

/* What was renewed is read; otherwise it does nothing. */
static void on_hangup(uv_signal_t *handle, int number) {
    struct shell *shell = handle->data;
    log_line(shell->log, LOG_INFO, "renewing", "signal=%d", number);
    if (shell->state == SHELL_SERVING && shell->ports->renew)
        shell->ports->renew(shell->ports->daemon);
}

/* libuv's set-up calls fail only when the process has no descriptors or memory left. */
static void must_work(int result) {
    if (result) {
        (void)fprintf(stderr, "event loop: %s; raise the process's limits\n", uv_strerror(result));
        exit(1);
    }
}

struct shell *shell_new(struct role *role, const struct log *log) {
    struct shell *shell = memory_new(1, sizeof(*shell));
    shell->role = role;
    shell->log = log;
    shell->armed_ms = never;
    must_work(-pthread_mutex_init(&shell->turn, NULL));
    shell_queue_init(&shell->queue);
    must_work(uv_loop_init(&shell->loop));
    must_work(uv_async_init(&shell->loop, &shell->wake, on_wake));
    must_work(uv_timer_init(&shell->loop, &shell->deadline));
    must_work(uv_timer_init(&shell->loop, &shell->grace));
    must_work(uv_timer_init(&shell->loop, &shell->keys));
    must_work(uv_timer_init(&shell->loop, &shell->look));
    must_work(uv_signal_init(&shell->loop, &shell->terminate));
    must_work(uv_signal_init(&shell->loop, &shell->interrupt));
    must_work(uv_signal_init(&shell->loop, &shell->hangup));
    shell->wake.data = shell->deadline.data = shell->grace.data = shell;
    shell->keys.data = shell->look.data = shell;
    shell->terminate.data = shell->interrupt.data = shell->hangup.data = shell;
    return shell;
}

static void on_record(void *context, const struct record *record) {
    const struct shell_ports *ports = ((struct shell *)context)->ports;
    if (ports->loaded)
        ports->loaded(ports->rest, record);
    shell_step(context, &(struct event){.kind = EVENT_LOAD, .load = *record});
}

/* Loads and starts. */
static int shell_begin(struct shell *shell, const struct shell_ports *ports, struct error *err) {
    (void)pthread_mutex_lock(&shell->turn);
    shell->ports = ports;
    performer_init(&shell->performer, ports, shell->log);
    shell->key_changes = (struct shell_keys){.ports = ports, .log = shell->log};
    int result = store_load(ports->store, on_record, shell, err);
    if (!result) {
        shell_step(shell, &(struct event){.kind = EVENT_START});
        shell->state = SHELL_SERVING;
    }
    (void)pthread_mutex_unlock(&shell->turn);
    return result;
}

/* From here on no thread takes a turn any more. */
static void shell_end(struct shell *shell) {
    (void)pthread_mutex_lock(&shell->turn);
    shell->state = SHELL_CLOSED;
    if (!shell->failure.code)
        (void)performer_commit(&shell->performer, &shell->failure);
    effects_clear(&shell->effects);
    performer_deinit(&shell->performer);
    (void)pthread_mutex_unlock(&shell->turn);
}

int shell_run(struct shell *shell, const struct shell_ports *ports, struct error *err) {
    must_work(uv_signal_start(&shell->terminate, on_signal, SIGTERM));
    must_work(uv_signal_start(&shell->interrupt, on_signal, SIGINT));
    must_work(uv_signal_start(&shell->hangup, on_hangup, SIGHUP));
    int result = shell_begin(shell, ports, err);
    if (!result) {
        (void)uv_async_send(&shell->wake);
        must_work(uv_timer_start(&shell->keys, on_keys, 0, keys_ms));
        must_work(uv_timer_start(&shell->look, on_look, 0, look_ms));
        (void)uv_run(&shell->loop, UV_RUN_DEFAULT);
    }
    shell_end(shell);
    if (!result)
        result = shell->failure.code;
    if (result && err && !err->code)
        *err = shell->failure;
    const struct effect_deposed *deposed = &shell->performer.deposed;
    if (!result && deposed->later)
        result = error_set(err, -ESTALE, SHELL_DEPOSED, deposed->term, deposed->later);
    return result;
}

static void on_each_handle(uv_handle_t *handle, void *context) {
    (void)context;
    uv_close(handle, NULL);
}

void shell_free(struct shell *shell) {
    if (!shell)
        return;
    uv_walk(&shell->loop, on_each_handle, NULL);
    (void)uv_run(&shell->loop, UV_RUN_DEFAULT);
    must_work(uv_loop_close(&shell->loop));
    shell_queue_deinit(&shell->queue);
    (void)pthread_mutex_destroy(&shell->turn);
    effects_deinit(&shell->effects);
    text_deinit(&shell->opened);
    text_deinit(&shell->status);
    memory_free(shell);
}
