/* When a warden counts as there, what is told again, and how long a start waits for it. */
#include "io/host/guard.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/text.h"
#include "core/link/lease.h"
#include "io/host/domain.h"
#include "io/os/folder.h"
#include "io/warden/client.h"

enum {
    look_ms = 200,
    patience_ms = 5000,   /* of a start, for the warden */
    away_ms = 5000,       /* after a failure, until it is told everything again */
    missing_ms = 2000,    /* a VM that the warden does not know is registered again */
    again_ms = 20,        /* between looks of one that waits */
};

struct kept {
    struct list node;
    char vm[limit_id_size];
    uint32_t group;
    bool is_over;   /* it is to be ended */
    bool is_hushed; /* the next news that it is paused is our own doing */
    bool is_frozen; /* as was told */
};

struct host_guard {
    struct shell *shell;
    const atomic_bool *closing;
    struct warden_client client;
    char folder[warden_path_size], pid_folder[warden_path_size]; /* pid_folder "": not known */
    int wake_fd;
    pthread_t thread;

    pthread_mutex_t lock; /* guards all below */
    bool has_begun, is_told, is_there;
    struct map map; /* struct kept by VM */
    struct list all;
    uint64_t until_ms[warden_groups_most]; /* of each group, as was told last; 0: nothing was */
    uint64_t not_before_ms; /* it is not there again before */
    uint64_t missed_ms;     /* since when it does not know one of ours; 0: it knows all */
};

static uint64_t boottime_ms(void) {
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Where libvirt keeps its pid files, by its URI. */
static void find_pid_folder(struct host_guard *guard, const char *uri) {
    static const char embedded[] = "qemu:///embed?root=";
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    char *out = guard->pid_folder;
    size_t size = sizeof(guard->pid_folder);
    if (text_starts(uri, embedded))
        text_format(out, size, "%s/run/qemu", uri + strlen(embedded));
    else if (text_starts(uri, "qemu:///system"))
        text_format(out, size, "/run/libvirt/qemu");
    else if (text_starts(uri, "qemu:///session") && runtime && *runtime == '/')
        text_format(out, size, "%s/libvirt/qemu/run", runtime);
}

/* --- what the warden is told --- */

static void group_name(uint32_t group, char out[warden_name_size]) {
    text_format(out, warden_name_size, group ? "link-%u" : "link", group);
}

static int tell_vm(const struct host_guard *guard, const struct kept *kept, struct error *err) {
    struct warden_registration what = {0};
    if (!*guard->pid_folder)
        return error_set(err, -ENOENT, "where libvirt keeps its pid files is not known by its "
                         "URI: say so by pid_folder");
    group_name(kept->group, what.group);
    if (kept->is_over)
        text_set(what.group, warden_group_over);
    host_domain_name(kept->vm, what.guest);
    text_format(what.pid_file, sizeof(what.pid_file), "%s/%s.pid", guard->pid_folder, what.guest);
    return warden_client_register(&guard->client, kept->vm, &what, err);
}

static int tell_group(const struct host_guard *guard, uint32_t group, struct error *err) {
    char name[warden_name_size];
    group_name(group, name);
    return guard->until_ms[group]
               ? warden_client_renew(&guard->client, name, guard->until_ms[group], err) : 0;
}

static void post(const struct host_guard *guard, enum guard_news news, const char *vm) {
    struct event event = {.kind = EVENT_GUARD, .guard.news = news};
    text_set(event.guard.vm, vm);
    shell_post(guard->shell, &event);
}

static void set_there(struct host_guard *guard, bool is_there, const struct error *why) {
    if (guard->is_told && guard->is_there == is_there)
        return;
    if (!is_there && guard->map.count) {
        char text[sizeof(why->text) + 8];
        shell_log(guard->shell, LOG_ERROR, "warden-away", "why=%s",
                  log_quote(why->text, text, sizeof(text)));
    }
    guard->is_told = true;
    guard->is_there = is_there;
    post(guard, is_there ? GUARD_THERE : GUARD_AWAY, "");
}

/* What could not be said is said again once the warden counts as there again. */
static void failed(struct host_guard *guard, const struct error *err) {
    if (!guard->is_there)
        return;
    guard->not_before_ms = boottime_ms() + away_ms;
    set_there(guard, false, err);
}

static struct kept *keep(struct host_guard *guard, const char *vm) {
    struct kept *kept = map_get(&guard->map, vm);
    if (kept)
        return kept;
    kept = memory_new(1, sizeof(*kept));
    text_set_sized(kept->vm, sizeof(kept->vm), vm);
    map_put(&guard->map, kept->vm, kept);
    list_add(&guard->all, &kept->node);
    return kept;
}

static void drop(struct host_guard *guard, const char *vm) {
    struct kept *kept = map_remove(&guard->map, vm);
    if (kept)
        list_remove(&kept->node);
    memory_free(kept);
}

static int obey(struct host_guard *guard, const struct effect_guard *order, struct error *err) {
    struct kept *kept = NULL;
    assert(order->group < warden_groups_most);
    switch (order->order) {
    case GUARD_TAKE:
        kept = keep(guard, order->vm);
        kept->is_over = false;
        kept->group = order->group;
        return tell_vm(guard, kept, err);
    case GUARD_DROP:
        drop(guard, order->vm);
        return warden_client_unregister(&guard->client, order->vm, err);
    case GUARD_RENEW:
        guard->until_ms[order->group] = order->until_ms;
        return tell_group(guard, order->group, err);
    case GUARD_END:
        kept = map_get(&guard->map, order->vm);
        if (!kept)
            return 0;
        kept->is_over = true;
        return tell_vm(guard, kept, err);
    }
    return 0;
}

void host_guard_order(struct host_guard *guard, const struct effect_guard *order) {
    struct error err = {0};
    pthread_mutex_lock(&guard->lock);
    if (obey(guard, order, &err))
        failed(guard, &err);
    pthread_mutex_unlock(&guard->lock);
}

/* --- what the warden says --- */

static void learn_frozen(struct host_guard *guard, struct kept *kept, bool is_frozen) {
    if (kept->is_frozen == is_frozen)
        return;
    kept->is_frozen = is_frozen;
    post(guard, is_frozen ? GUARD_FROZEN : GUARD_THAWED, kept->vm);
}

/* Before the agent has said anything, whoever stands still is told of by the warden's word. */
static void learn(struct host_guard *guard, const struct warden_entry *entries, size_t count) {
    size_t known = 0;
    for (size_t i = 0; i < count; i++) {
        struct kept *kept = map_get(&guard->map, entries[i].vm);
        bool is_frozen = entries[i].what.state == WARDEN_FROZEN;
        if (!kept && is_frozen && !guard->is_told && strlen(entries[i].vm) < limit_id_size)
            kept = keep(guard, entries[i].vm);
        known += kept != NULL;
        if (kept)
            learn_frozen(guard, kept, is_frozen);
    }
    uint64_t now_ms = boottime_ms();
    bool misses = known < guard->map.count;
    guard->missed_ms = !misses ? 0 : guard->missed_ms ? guard->missed_ms : now_ms;
}

/* Its folder may have been made anew. */
static int tell_all(struct host_guard *guard, struct error *err) {
    int result = 0;
    for (uint32_t group = 0; !result && group < warden_groups_most; group++)
        result = tell_group(guard, group, err);
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &guard->all)
        if (!result)
            result = tell_vm(guard, container_of(node, struct kept, node), err);
    guard->missed_ms = 0;
    return result;
}

static void look(struct host_guard *guard) {
    struct error err = {0};
    auto_clean(memory_clean) struct warden_entry *entries = NULL;
    size_t count = 0;
    uint64_t now_ms = boottime_ms();
    pthread_mutex_lock(&guard->lock);
    bool is_alive = *guard->pid_folder
                        ? warden_client_is_alive(&guard->client, now_ms, &err)
                        : error_set(&err, -ENOENT, "the pid files' folder is not known") == 0;
    if (warden_client_read(&guard->client, &entries, &count, is_alive ? &err : NULL) == 0)
        learn(guard, entries, count);
    else
        is_alive = false;
    if (is_alive && guard->is_there && guard->missed_ms &&
        now_ms >= guard->missed_ms + missing_ms && tell_all(guard, &err))
        failed(guard, &err);
    if (!is_alive || now_ms >= guard->not_before_ms)
        set_there(guard, is_alive, &err);
    pthread_mutex_unlock(&guard->lock);
}

static void *watch(void *context) {
    struct host_guard *guard = context;
    struct pollfd watched = {.fd = guard->wake_fd, .events = POLLIN};
    while (poll(&watched, 1, look_ms) <= 0)
        look(guard);
    return NULL;
}

void host_guard_begin(struct host_guard *guard) {
    pthread_mutex_lock(&guard->lock);
    bool has_begun = guard->has_begun;
    guard->has_begun = true;
    pthread_mutex_unlock(&guard->lock);
    if (has_begun)
        return;
    look(guard);
    int failure = pthread_create(&guard->thread, NULL, watch, guard);
    if (failure) {
        guard->thread = 0;
        shell_log(guard->shell, LOG_ERROR, "warden-away", "why=\"%s\"", strerror(failure));
    }
}

/* --- what a start waits for --- */

bool host_guard_keeps(struct host_guard *guard, const char *vm) {
    pthread_mutex_lock(&guard->lock);
    bool keeps = map_get(&guard->map, vm);
    pthread_mutex_unlock(&guard->lock);
    return keeps;
}

bool host_guard_is_frozen(struct host_guard *guard, const char *vm) {
    pthread_mutex_lock(&guard->lock);
    const struct kept *kept = map_get(&guard->map, vm);
    bool is_frozen = kept && kept->is_frozen;
    pthread_mutex_unlock(&guard->lock);
    return is_frozen;
}

/* What the warden is to say of the VM. */
enum wanted { WANTS_REGISTERED, WANTS_PROCESS, WANTS_NONE };

/* CODE_OK: it says so. CODE_BUSY: not yet. */
static enum code ask(const struct host_guard *guard, const char *vm, enum wanted wanted,
                     struct error *err) {
    struct warden_entry entry = {0};
    if (!warden_client_is_alive(&guard->client, boottime_ms(), err))
        return CODE_BUSY;
    int found = warden_client_find(&guard->client, vm, &entry, err);
    if (found < 0)
        return CODE_BUSY;
    (void)error_set(err, -EAGAIN, "%s",
                    found                                ? "the warden does not know the VM"
                    : entry.what.state == WARDEN_ENDED ? "the warden does not let the VM run"
                                                       : "the warden has not found the VM's "
                                                         "process: is pid_folder right?");
    if (wanted == WANTS_NONE)
        return found || !entry.pid ? CODE_OK : CODE_BUSY;
    if (found || (wanted == WANTS_REGISTERED && entry.what.state == WARDEN_ENDED) ||
        (wanted == WANTS_PROCESS && !entry.pid))
        return CODE_BUSY;
    if (wanted == WANTS_REGISTERED || entry.what.state == WARDEN_RUNS)
        return CODE_OK;
    error_set(err, -ETIME, "the lease has ended");
    return CODE_NO_LEASE;
}

static enum code await(const struct host_guard *guard, const char *vm, enum wanted wanted,
                       struct error *err) {
    uint64_t end_ms = boottime_ms() + patience_ms;
    enum code code = ask(guard, vm, wanted, err);
    while (code == CODE_BUSY && boottime_ms() < end_ms && !atomic_load(guard->closing)) {
        (void)poll(NULL, 0, again_ms);
        code = ask(guard, vm, wanted, err);
    }
    return code == CODE_BUSY ? CODE_NO_LEASE : code;
}

enum code host_guard_prepare(struct host_guard *guard, const char *vm, struct error *err) {
    pthread_mutex_lock(&guard->lock);
    struct kept *kept = map_get(&guard->map, vm);
    uint64_t until_ms = kept ? guard->until_ms[kept->group] : 0;
    int failure = !kept || kept->is_over ? error_set(err, -ENOENT, "the VM is to run no more here")
                  : until_ms < boottime_ms() + lease_stop_ms /* a start would be cut in its midst */
                      ? error_set(err, -ETIME, "there is no lease, or it ends right now")
                      : tell_vm(guard, kept, err);
    pthread_mutex_unlock(&guard->lock);
    return failure ? CODE_NO_LEASE : await(guard, vm, WANTS_REGISTERED, err);
}

enum code host_guard_admit(struct host_guard *guard, const char *vm, struct error *err) {
    return await(guard, vm, WANTS_PROCESS, err);
}

void host_guard_undo(struct host_guard *guard, const char *vm) {
    struct effect_guard end = {.order = GUARD_END};
    struct error err = {0};
    text_set_sized(end.vm, sizeof(end.vm), vm);
    pthread_mutex_lock(&guard->lock);
    struct kept *kept = map_get(&guard->map, vm);
    bool was_over = kept && kept->is_over;
    int failure = obey(guard, &end, &err);
    pthread_mutex_unlock(&guard->lock);
    if (!failure && await(guard, vm, WANTS_NONE, &err) != CODE_OK)
        shell_log(guard->shell, LOG_ERROR, "warden-away", "vm=%s why=not-ended", vm);
    pthread_mutex_lock(&guard->lock);
    kept = map_get(&guard->map, vm);
    if (kept && !was_over) {
        kept->is_over = false;
        if (tell_vm(guard, kept, &err))
            failed(guard, &err);
    }
    pthread_mutex_unlock(&guard->lock);
}

void host_guard_hush(struct host_guard *guard, const char *vm, bool is_begun) {
    pthread_mutex_lock(&guard->lock);
    struct kept *kept = map_get(&guard->map, vm);
    if (kept)
        kept->is_hushed = is_begun;
    pthread_mutex_unlock(&guard->lock);
}

bool host_guard_is_hushed(struct host_guard *guard, const char *vm) {
    pthread_mutex_lock(&guard->lock);
    struct kept *kept = map_get(&guard->map, vm);
    bool is_hushed = kept && kept->is_hushed;
    if (is_hushed)
        kept->is_hushed = false;
    pthread_mutex_unlock(&guard->lock);
    return is_hushed;
}

/* --- open and close --- */

struct host_guard *host_guard_new(const struct host_guard_settings *settings, struct error *err) {
    struct host_guard *guard = memory_new(1, sizeof(*guard));
    guard->shell = settings->shell;
    guard->closing = settings->closing;
    pthread_mutex_init(&guard->lock, NULL);
    map_init(&guard->map, (uint64_t)(uintptr_t)guard);
    list_init(&guard->all);
    guard->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    find_pid_folder(guard, settings->uri);
    bool fits = text_copy(guard->folder, sizeof(guard->folder), settings->folder);
    if (settings->pid_folder)
        fits &= text_copy(guard->pid_folder, sizeof(guard->pid_folder), settings->pid_folder);
    if (!fits)
        error_set(err, -ENAMETOOLONG, "the path of warden, or of pid_folder, is too long");
    else if (guard->wake_fd < 0)
        error_set(err, -errno, "watch the warden: %s", strerror(errno));
    else if (warden_client_open(&guard->client, guard->folder, err) == 0)
        return guard;
    host_guard_free(guard);
    return NULL;
}

void host_guard_free(struct host_guard *guard) {
    if (!guard)
        return;
    if (guard->thread) {
        (void)eventfd_write(guard->wake_fd, 1);
        pthread_join(guard->thread, NULL);
    }
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &guard->all)
        memory_free(container_of(node, struct kept, node));
    map_deinit(&guard->map);
    pthread_mutex_destroy(&guard->lock);
    fd_clean(&guard->wake_fd);
    memory_free(guard);
}
