/* The loop and what it waits by. It never waits for anybody else: no disk, no libvirt, no log that
 * is full. */
#include "main/warden/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "main/warden/notify.h"
#include "main/warden/table.h"

enum {
    beat_ms = 500,
    read_ms = 10000,   /* everything anew, whatever was told */
    stuck_ms = 2000,   /* until a looker counts as hanging */
    descriptors = 8192, /* one per process, and the warden's own */
    events_most = 64,
};

/* What has happened, in epoll's data: the place of a VM, or one of these. */
enum { ON_TIME = warden_vms_most, ON_FILES, ON_LOOK, ON_SIGNAL };

struct warden {
    const struct log *log;
    struct table table;
    struct looker *looker;
    int epoll, timer, files, signals;
    int vms_watch, groups_watch; /* of inotify */
    uint64_t beat_ms, read_ms;   /* when next */
    uint64_t asked_ms;           /* the looker; 0: it is idle */
    bool is_realtime, is_stuck;
};

static uint64_t boottime_ms(void) {
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- to open --- */

static int prepare_folder(const struct warden_settings *settings, struct table *table,
                          struct error *err) {
    if (mkdir(settings->folder, 0700) && errno != EEXIST)
        return error_set(err, -errno, "make the folder %s: %s", settings->folder,
                         strerror(errno));
    table->folder = warden_folder_open(AT_FDCWD, settings->folder, err);
    if (table->folder < 0)
        return table->folder;
    if ((mkdirat(table->folder, "vms", 0700) && errno != EEXIST) ||
        (mkdirat(table->folder, "groups", 0700) && errno != EEXIST))
        return error_set(err, -errno, "make folders in %s: %s", settings->folder,
                         strerror(errno));
    table->vms_folder = warden_folder_open(table->folder, "vms", err);
    table->groups_folder =
        table->vms_folder < 0 ? -1 : warden_folder_open(table->folder, "groups", err);
    return table->groups_folder < 0 ? err->code : 0;
}

/* A log that nobody reads is not waited for. Others may share a terminal or a file. */
static void free_the_log(void) {
    struct stat facts;
    int flags = fcntl(STDERR_FILENO, F_GETFL);
    if (flags >= 0 && fstat(STDERR_FILENO, &facts) == 0 &&
        (S_ISSOCK(facts.st_mode) || S_ISFIFO(facts.st_mode)))
        (void)fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
}

/* Before all others, never swapped out. False with the reason: it is not so here. */
static bool become_realtime(struct error *err) {
    const struct sched_param priority = {.sched_priority = 1};
    const struct rlimit room = {descriptors, descriptors};
    (void)setrlimit(RLIMIT_NOFILE, &room);
    if (mlockall(MCL_CURRENT | MCL_FUTURE))
        error_set(err, -errno, "lock the memory: %s", strerror(errno));
    else if (sched_setscheduler(0, SCHED_FIFO, &priority))
        error_set(err, -errno, "take priority over others: %s", strerror(errno));
    return !err->code;
}

static int watch(struct warden *warden, int fd, uint32_t what) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = what};
    return epoll_ctl(warden->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void watch_process(void *context, uint32_t index, int fd) {
    struct warden *warden = context;
    if (watch(warden, fd, index))
        log_line(warden->log, LOG_ERROR, "warden-process-unwatched", "why=\"%s\"",
                 strerror(errno));
}

static int watch_folder(struct warden *warden, int folder) {
    char path[32];
    text_format(path, sizeof(path), "/proc/self/fd/%d", folder);
    return inotify_add_watch(warden->files, path,
                             IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR);
}

static int open_all(struct warden *warden, struct error *err) {
    sigset_t ends;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &ends, NULL);
    warden->epoll = epoll_create1(EPOLL_CLOEXEC);
    warden->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    warden->files = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    warden->signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    warden->vms_watch = watch_folder(warden, warden->table.vms_folder);
    warden->groups_watch = watch_folder(warden, warden->table.groups_folder);
    if (warden->vms_watch < 0 || warden->groups_watch < 0)
        return error_set(err, -errno, "watch the folders: %s; see fs.inotify in sysctl",
                         strerror(errno));
    warden->looker = looker_new(err);
    if (!warden->looker)
        return err->code;
    if (watch(warden, warden->timer, ON_TIME) || watch(warden, warden->files, ON_FILES) ||
        watch(warden, looker_fd(warden->looker), ON_LOOK) ||
        watch(warden, warden->signals, ON_SIGNAL))
        return error_set(err, -errno, "wait for what happens: %s", strerror(errno));
    return 0;
}

/* --- to look for processes --- */

static void ask(struct warden *warden, uint64_t now_ms) {
    struct look look;
    if (warden->asked_ms && now_ms >= warden->asked_ms + stuck_ms && !warden->is_stuck) {
        warden->is_stuck = true;
        log_line(warden->log, LOG_ERROR, "warden-stuck", "next=guard-what-is-known");
    }
    if (warden->asked_ms || !table_next_look(&warden->table, now_ms, &look))
        return;
    if (looker_ask(warden->looker, &look))
        warden->asked_ms = now_ms;
}

static void on_look(struct warden *warden, uint64_t now_ms) {
    struct look look;
    if (!looker_answer(warden->looker, &look))
        return;
    warden->asked_ms = 0;
    warden->is_stuck = false;
    table_found(&warden->table, &look, now_ms);
}

/* --- to hear of files --- */

static void on_file(struct warden *warden, const struct inotify_event *event, uint64_t now_ms) {
    if (event->mask & IN_Q_OVERFLOW)
        warden->read_ms = now_ms;
    else if (event->len && *event->name != '.' && event->wd == warden->groups_watch)
        table_read_group(&warden->table, event->name);
    else if (event->len && *event->name != '.' && event->wd == warden->vms_watch)
        table_read_vm(&warden->table, event->name, now_ms);
}

static void on_files(struct warden *warden, uint64_t now_ms) {
    _Alignas(struct inotify_event) char bytes[4096];
    ssize_t got = read(warden->files, bytes, sizeof(bytes));
    const struct inotify_event *event;
    for (ssize_t at = 0; at < got; at += (ssize_t)(sizeof(*event) + event->len)) {
        event = (const void *)(bytes + at);
        on_file(warden, event, now_ms);
    }
}

/* --- the loop --- */

static void beat(struct warden *warden, uint64_t now_ms) {
    char bytes[warden_file_most];
    struct error err = {0};
    struct warden_beat it = {.at_ms = now_ms, .refused = warden->table.refused,
                             .is_realtime = warden->is_realtime, .is_stuck = warden->is_stuck};
    text_set(it.boot, warden->table.boot);
    const struct warden_text text = {"beat", bytes, warden_print_beat(&it, bytes, sizeof(bytes))};
    if (warden_file_write(warden->table.folder, &text, &err))
        log_line(warden->log, LOG_ERROR, "warden-state-unwritten", "why=\"%s\"", err.text);
    notify_say("WATCHDOG=1");
    warden->beat_ms = now_ms + beat_ms;
}

static void sleep_until(struct warden *warden, uint64_t when_ms) {
    const struct itimerspec when = {
        .it_value = {(time_t)(when_ms / 1000), (long)(when_ms % 1000) * 1000000}};
    (void)timerfd_settime(warden->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* What is due is done before anything is waited for. While a looker is asked, its answer wakes the
 * loop, and whose turn it would be waits for that. */
static void work(struct warden *warden) {
    uint64_t now_ms = boottime_ms();
    if (now_ms >= warden->read_ms) {
        table_read(&warden->table, now_ms);
        warden->read_ms = now_ms + read_ms;
    }
    table_judge(&warden->table, now_ms);
    ask(warden, now_ms);
    if (now_ms >= warden->beat_ms)
        beat(warden, now_ms);
    uint64_t next_ms = table_next_ms(&warden->table, now_ms);
    if (next_ms <= now_ms)
        next_ms = now_ms + 1;
    sleep_until(warden, next_ms < warden->beat_ms ? next_ms : warden->beat_ms);
}

/* False: it is told to stop. */
static bool handle(struct warden *warden, const struct epoll_event *event) {
    uint64_t now_ms = boottime_ms();
    struct signalfd_siginfo signal;
    uint64_t times;
    switch (event->data.u32) {
    case ON_TIME:
        (void)!read(warden->timer, &times, sizeof(times));
        return true;
    case ON_FILES:
        on_files(warden, now_ms);
        return true;
    case ON_LOOK:
        on_look(warden, now_ms);
        return true;
    case ON_SIGNAL:
        return read(warden->signals, &signal, sizeof(signal)) < 0;
    default:
        table_on_end(&warden->table, event->data.u32, now_ms);
        return true;
    }
}

static int loop(struct warden *warden, struct error *err) {
    struct epoll_event events[events_most];
    for (;;) {
        work(warden);
        int count = epoll_wait(warden->epoll, events, events_most, -1);
        if (count < 0 && errno != EINTR)
            return error_set(err, -errno, "wait for what happens: %s", strerror(errno));
        for (int i = 0; i < count; i++)
            if (!handle(warden, &events[i]))
                return 0;
    }
}

/* As long as the process: nothing is freed while the last VMs are seen to. */
static struct warden *warden;

int warden_serve(const struct warden_settings *settings, const struct log *log,
                 struct error *err) {
    warden = memory_new(1, sizeof(*warden));
    struct error why = {0};
    warden->log = log;
    warden->table.log = log;
    warden->table.freeze_most_ms = settings->freeze_most_ms;
    warden->table.watch = watch_process;
    warden->table.context = warden;
    log_line(log, LOG_INFO, "starting", "version=%s state=%s", ISTHMUS_VERSION, settings->folder);
    free_the_log();
    warden->is_realtime = become_realtime(&why);
    if (!warden->is_realtime)
        log_line(log, LOG_WARNING, "warden-not-realtime", "why=\"%s\"", why.text);
    if (prepare_folder(settings, &warden->table, err) || open_all(warden, err) ||
        table_open(&warden->table, boottime_ms(), err))
        return err->code;
    work(warden);
    notify_say("READY=1");
    int failed = loop(warden, err);
    notify_say("STOPPING=1");
    table_freeze(&warden->table, boottime_ms());
    log_line(log, LOG_INFO, "stopped", "code=%s", failed ? "failed" : "ok");
    return failed;
}

int warden_check(const struct warden_settings *settings, struct error *err) {
    auto_clean(memory_clean) struct table *table = memory_new(1, sizeof(*table));
    struct error why = {0};
    if (warden_read_boot(table->boot, err) || process_check(err))
        return err->code;
    if (prepare_folder(settings, table, err))
        return err->code;
    if (!become_realtime(&why))
        (void)printf("isthmus-warden: %s: it works, though it may be late on a busy host\n",
                     why.text);
    return 0;
}
