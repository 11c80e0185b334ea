#include "io/host_libvirt.h"

#include <errno.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/folder.h"

enum {
    reopen_first_ms = 250,
    reopen_last_ms = 2000,
    reopen_attempts = 3, /* that a call waits for */
    barrier_threads = 4, /* five stuck calls would freeze a remote connection */
    barrier_idle_ms = 35000, /* libvirt itself gives up on a busy domain after 30 s */
};

/* Two threads: `loop` runs libvirt's event loop, `keeper` opens the connection again. */
struct libvirt {
    char *uri;
    struct libvirt_listener listener;
    enum libvirt_driver driver;
    atomic_bool cancelled, loop_ends;
    int cancel_fd, wake_fd; /* eventfds: everyone ends; the keeper looks */
    pthread_t loop, keeper;
    int loop_timer;

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    virConnectPtr connection; /* NULL while lost */
    virConnectPtr lost;       /* for the keeper to close */
    uint64_t attempts;        /* to open it again */
};

static void domain_clean(virDomainPtr *domain) {
    if (*domain)
        (void)virDomainFree(*domain);
}

static void connection_clean(virConnectPtr *connection) {
    if (*connection)
        (void)virConnectClose(*connection);
}

static void on_error(void *context, virErrorPtr error) { (void)context, (void)error; }
static void on_timer(int timer, void *context) { (void)timer, (void)context; }

static enum code failed(struct error *err, const char *what) {
    const char *why = virGetLastErrorMessage();
    error_set(err, -EIO, "%s: %s", what, why ? why : "libvirt does not say why");
    return CODE_HOST_FAILED;
}

static void signal_fd(int fd) {
    const uint64_t one = 1;
    (void)!write(fd, &one, sizeof(one));
}

bool libvirt_cancelled_within(const struct libvirt *libvirt, int milliseconds) {
    struct pollfd watched = {.fd = libvirt->cancel_fd, .events = POLLIN};
    (void)poll(&watched, 1, milliseconds);
    return atomic_load(&libvirt->cancelled);
}

enum libvirt_driver libvirt_driver(const struct libvirt *libvirt) { return libvirt->driver; }

/* --- events, on the loop's thread --- */

/* False: the event says nothing about the state. */
static bool state_of_event(int event, int detail, enum vm_state *out_state) {
    switch (event) {
    case VIR_DOMAIN_EVENT_STARTED:
    case VIR_DOMAIN_EVENT_RESUMED:
        *out_state = VM_RUNNING;
        return true;
    case VIR_DOMAIN_EVENT_SUSPENDED:
    case VIR_DOMAIN_EVENT_PMSUSPENDED:
        *out_state = VM_PAUSED;
        return true;
    case VIR_DOMAIN_EVENT_STOPPED:
        *out_state = detail == VIR_DOMAIN_EVENT_STOPPED_CRASHED ||
                             detail == VIR_DOMAIN_EVENT_STOPPED_FAILED
                         ? VM_CRASHED
                         : VM_STOPPED;
        return true;
    case VIR_DOMAIN_EVENT_CRASHED:
        *out_state = VM_CRASHED;
        return true;
    case VIR_DOMAIN_EVENT_UNDEFINED:
        *out_state = VM_LOST;
        return true;
    default: /* defined; shut down by the guest, which a stop follows */
        return false;
    }
}

static const char *vm_of(virDomainPtr domain) {
    const char *name = virDomainGetName(domain);
    return name ? host_domain_vm(name) : NULL;
}

static int on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail,
                        void *context) {
    (void)connection;
    const struct libvirt *libvirt = context;
    const char *vm = vm_of(domain);
    enum vm_state state;
    if (vm && state_of_event(event, detail, &state))
        libvirt->listener.changed(libvirt->listener.context, vm, state);
    return 0;
}

static void on_reboot(virConnectPtr connection, virDomainPtr domain, void *context) {
    (void)connection;
    const struct libvirt *libvirt = context;
    const char *vm = vm_of(domain);
    if (vm)
        libvirt->listener.rebooted(libvirt->listener.context, vm);
}

static void on_lost(virConnectPtr connection, int reason, void *context) {
    (void)reason;
    struct libvirt *libvirt = context;
    pthread_mutex_lock(&libvirt->lock);
    if (libvirt->connection == connection) {
        libvirt->lost = libvirt->connection;
        libvirt->connection = NULL;
    }
    pthread_mutex_unlock(&libvirt->lock);
    signal_fd(libvirt->wake_fd);
}

static void *run_loop(void *context) {
    struct libvirt *libvirt = context;
    while (!atomic_load(&libvirt->loop_ends))
        if (virEventRunDefaultImpl() < 0)
            break;
    return NULL;
}

/* --- the connection --- */

static virConnectPtr open_connection(struct libvirt *libvirt, struct error *err) {
    auto_clean(connection_clean) virConnectPtr connection = virConnectOpen(libvirt->uri);
    if (!connection) {
        error_set(err, -ENOTCONN, "connect to libvirt at %s: %s; check the URI, that its daemon "
                  "runs and that this user may use it", libvirt->uri, virGetLastErrorMessage());
        return NULL;
    }
    (void)virConnectSetKeepAlive(connection, 5, 3); /* refused where there is no wire */
    if (virConnectRegisterCloseCallback(connection, on_lost, libvirt, NULL) < 0 ||
        virConnectDomainEventRegisterAny(connection, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                         VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), libvirt,
                                         NULL) < 0 ||
        virConnectDomainEventRegisterAny(connection, NULL, VIR_DOMAIN_EVENT_ID_REBOOT,
                                         VIR_DOMAIN_EVENT_CALLBACK(on_reboot), libvirt,
                                         NULL) < 0) {
        (void)failed(err, "watch the domains");
        return NULL;
    }
    return take(connection);
}

/* The connection, with a reference for the caller. While it is lost, waits for a few attempts. */
static virConnectPtr use_connection(struct libvirt *libvirt, struct error *err) {
    pthread_mutex_lock(&libvirt->lock);
    uint64_t last = libvirt->attempts + reopen_attempts;
    while (!libvirt->connection && libvirt->attempts < last && !atomic_load(&libvirt->cancelled))
        pthread_cond_wait(&libvirt->changed, &libvirt->lock);
    virConnectPtr connection = libvirt->connection;
    if (connection)
        (void)virConnectRef(connection);
    pthread_mutex_unlock(&libvirt->lock);
    if (!connection)
        error_set(err, -ENOTCONN, "the connection to libvirt at %s is lost", libvirt->uri);
    return connection;
}

/* Tries once to open the connection if it is lost; true when all is well. */
static bool reopen(struct libvirt *libvirt) {
    pthread_mutex_lock(&libvirt->lock);
    bool well = libvirt->connection;
    auto_clean(connection_clean) virConnectPtr lost = libvirt->lost;
    libvirt->lost = NULL;
    pthread_mutex_unlock(&libvirt->lock);
    if (well)
        return true;
    if (lost)
        libvirt->listener.lost(libvirt->listener.context);
    virConnectPtr connection = open_connection(libvirt, NULL);
    pthread_mutex_lock(&libvirt->lock);
    libvirt->connection = connection;
    libvirt->attempts++;
    pthread_cond_broadcast(&libvirt->changed);
    pthread_mutex_unlock(&libvirt->lock);
    if (connection)
        libvirt->listener.back(libvirt->listener.context);
    return connection;
}

static void *keep_connection(void *context) {
    struct libvirt *libvirt = context;
    struct pollfd watched[] = {{libvirt->cancel_fd, POLLIN, 0}, {libvirt->wake_fd, POLLIN, 0}};
    int wait_ms = -1;
    for (;;) {
        uint64_t wakes;
        if (poll(watched, array_size(watched), wait_ms) > 0 && watched[1].revents)
            (void)!read(libvirt->wake_fd, &wakes, sizeof(wakes));
        if (atomic_load(&libvirt->cancelled))
            return NULL;
        if (reopen(libvirt))
            wait_ms = -1;
        else if (wait_ms < 0)
            wait_ms = reopen_first_ms;
        else
            wait_ms = wait_ms * 2 < reopen_last_ms ? wait_ms * 2 : reopen_last_ms;
    }
}

static int read_driver(struct libvirt *libvirt, struct error *err) {
    const char *type = virConnectGetType(libvirt->connection);
    if (type && text_equal(type, "QEMU"))
        libvirt->driver = LIBVIRT_QEMU;
    else if (type && text_equal(type, "TEST"))
        libvirt->driver = LIBVIRT_TEST;
    else
        return error_set(err, -ENOTSUP, "libvirt at %s is of type %s; use one of QEMU, like "
                         "qemu:///system", libvirt->uri, type ? type : "unknown");
    return 0;
}

static int start_threads(struct libvirt *libvirt, struct error *err) {
    (void)setenv("LIBVIRT_LOG_OUTPUTS", "4:file:/dev/null", 0); /* what counts comes as an error */
    virSetErrorFunc(NULL, on_error);
    if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0)
        return failed(err, "start libvirt"), -EIO;
    libvirt->loop_timer = virEventAddTimeout(-1, on_timer, NULL, NULL);
    int failure = pthread_create(&libvirt->loop, NULL, run_loop, libvirt);
    if (failure)
        return error_set(err, -failure, "start libvirt's loop: %s", strerror(failure));
    libvirt->connection = open_connection(libvirt, err);
    if (!libvirt->connection)
        return -EIO;
    failure = read_driver(libvirt, err);
    if (failure)
        return failure;
    failure = pthread_create(&libvirt->keeper, NULL, keep_connection, libvirt);
    return failure ? error_set(err, -failure, "start libvirt's keeper: %s", strerror(failure)) : 0;
}

struct libvirt *libvirt_new(const char *uri, const struct libvirt_listener *listener,
                            struct error *err) {
    struct libvirt *libvirt = memory_new(1, sizeof(*libvirt));
    libvirt->uri = memory_text(uri);
    libvirt->listener = *listener;
    libvirt->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    libvirt->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&libvirt->lock, NULL);
    pthread_cond_init(&libvirt->changed, NULL);
    if (start_threads(libvirt, err) == 0)
        return libvirt;
    libvirt_cancel(libvirt);
    libvirt_free(libvirt);
    return NULL;
}

void libvirt_cancel(struct libvirt *libvirt) {
    pthread_mutex_lock(&libvirt->lock);
    atomic_store(&libvirt->cancelled, true);
    pthread_cond_broadcast(&libvirt->changed);
    pthread_mutex_unlock(&libvirt->lock);
    signal_fd(libvirt->cancel_fd);
}

void libvirt_free(struct libvirt *libvirt) {
    if (libvirt->keeper)
        pthread_join(libvirt->keeper, NULL);
    if (libvirt->connection)
        (void)virConnectUnregisterCloseCallback(libvirt->connection, on_lost);
    connection_clean(&libvirt->connection);
    connection_clean(&libvirt->lost);
    if (libvirt->loop) {
        atomic_store(&libvirt->loop_ends, true);
        virEventUpdateTimeout(libvirt->loop_timer, 0);
        pthread_join(libvirt->loop, NULL);
        (void)virEventRemoveTimeout(libvirt->loop_timer);
    }
    pthread_cond_destroy(&libvirt->changed);
    pthread_mutex_destroy(&libvirt->lock);
    fd_clean(&libvirt->cancel_fd);
    fd_clean(&libvirt->wake_fd);
    memory_free(libvirt->uri);
    memory_free(libvirt);
}

int libvirt_facts(struct libvirt *libvirt, uint32_t *out_cpus, char **out_capabilities,
                  struct error *err) {
    auto_clean(connection_clean) virConnectPtr connection = use_connection(libvirt, err);
    if (!connection)
        return -ENOTCONN;
    virNodeInfo node;
    char *capabilities = virConnectGetCapabilities(connection);
    if (!capabilities || virNodeGetInfo(connection, &node) < 0) {
        free(capabilities);
        return failed(err, "read what the host has"), -EIO;
    }
    *out_cpus = node.cpus;
    *out_capabilities = capabilities;
    return 0;
}

/* --- finding --- */

static enum code read_mark(virDomainPtr domain, struct host_domain_mark *out_mark,
                           struct error *err) {
    char *xml = virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, host_domain_namespace,
                                     VIR_DOMAIN_AFFECT_CURRENT);
    int why = xml ? VIR_ERR_OK : virGetLastErrorCode();
    bool ours = xml && host_domain_read(xml, out_mark) &&
                text_equal(out_mark->vm, vm_of(domain) ? vm_of(domain) : "");
    free(xml);
    if (ours)
        return CODE_OK;
    if (why == VIR_ERR_NO_DOMAIN) {
        error_set(err, -ENOENT, "there is no such domain");
        return CODE_LOST;
    }
    if (why != VIR_ERR_OK && why != VIR_ERR_NO_DOMAIN_METADATA)
        return failed(err, "read the domain's metadata");
    error_set(err, -EEXIST, "the domain %s is not of our making and is left alone",
              virDomainGetName(domain));
    return CODE_CONFLICT;
}

/* out_mark NULL: the domain is known to be ours. */
static enum code look_up(virConnectPtr connection, const char *vm, virDomainPtr *out_domain,
                         struct host_domain_mark *out_mark, struct error *err) {
    char name[host_domain_name_size];
    host_domain_name(vm, name);
    auto_clean(domain_clean) virDomainPtr domain = virDomainLookupByName(connection, name);
    if (!domain && virGetLastErrorCode() != VIR_ERR_NO_DOMAIN)
        return failed(err, "look for the domain");
    if (!domain) {
        error_set(err, -ENOENT, "there is no such domain");
        return CODE_LOST;
    }
    enum code code = out_mark ? read_mark(domain, out_mark, err) : CODE_OK;
    if (code == CODE_OK)
        *out_domain = take(domain);
    return code;
}

static enum code read_state(virDomainPtr domain, enum vm_state *out_state, struct error *err) {
    int state, reason;
    if (virDomainGetState(domain, &state, &reason, 0) < 0)
        return virGetLastErrorCode() == VIR_ERR_NO_DOMAIN ? CODE_LOST
                                                          : failed(err, "read the domain's state");
    switch (state) {
    case VIR_DOMAIN_PAUSED:
    case VIR_DOMAIN_PMSUSPENDED:
        *out_state = VM_PAUSED;
        return CODE_OK;
    case VIR_DOMAIN_SHUTOFF:
        *out_state = reason == VIR_DOMAIN_SHUTOFF_CRASHED || reason == VIR_DOMAIN_SHUTOFF_FAILED
                         ? VM_CRASHED
                         : VM_STOPPED;
        return CODE_OK;
    case VIR_DOMAIN_CRASHED:
        *out_state = VM_CRASHED;
        return CODE_OK;
    default: /* running, blocked, about to shut down */
        *out_state = VM_RUNNING;
    }
    return CODE_OK;
}

enum code libvirt_find(struct libvirt *libvirt, const char *vm, struct libvirt_domain *out_domain,
                       struct error *err) {
    auto_clean(connection_clean) virConnectPtr connection = use_connection(libvirt, err);
    if (!connection)
        return CODE_HOST_FAILED;
    auto_clean(domain_clean) virDomainPtr domain = NULL;
    enum code code = look_up(connection, vm, &domain, &out_domain->mark, err);
    return code == CODE_OK ? read_state(domain, &out_domain->state, err) : code;
}

/* --- all domains --- */

struct domains {
    virDomainPtr *items;
    size_t count;
};

static void domains_clean(struct domains *domains) {
    for (size_t i = 0; i < domains->count; i++)
        domain_clean(&domains->items[i]);
    free(domains->items);
}

/* After a connection is opened, libvirt finds its running guests again in the background, and
 * until then says that they do not run. A question to the monitor waits for that. As it may wait
 * for ever on a hung QEMU, it is asked by threads that are left behind if need be. */
struct barrier {
    atomic_int users;
    atomic_size_t next;
    int done_fd; /* counts the answers */
    size_t count;
    virDomainPtr domains[];
};

static void barrier_leave(struct barrier *barrier) {
    if (atomic_fetch_sub(&barrier->users, 1) > 1)
        return;
    for (size_t i = 0; i < barrier->count; i++)
        (void)virDomainFree(barrier->domains[i]);
    fd_clean(&barrier->done_fd);
    memory_free(barrier);
}

static void *ask_monitors(void *context) {
    struct barrier *barrier = context;
    for (size_t i; (i = atomic_fetch_add(&barrier->next, 1)) < barrier->count;) {
        virDomainMemoryStatStruct stats[VIR_DOMAIN_MEMORY_STAT_NR];
        (void)virDomainMemoryStats(barrier->domains[i], stats, VIR_DOMAIN_MEMORY_STAT_NR, 0);
        signal_fd(barrier->done_fd);
    }
    barrier_leave(barrier);
    return NULL;
}

static void await_reconnection(struct libvirt *libvirt, const struct domains *domains) {
    size_t count = domains->count;
    struct barrier *barrier = memory_new(1, sizeof(*barrier) + count * sizeof(virDomainPtr));
    barrier->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    atomic_store(&barrier->users, 1);
    for (size_t i = 0; i < count; i++)
        if (virDomainIsActive(domains->items[i]) == 1 && virDomainRef(domains->items[i]) == 0)
            barrier->domains[barrier->count++] = domains->items[i];
    for (size_t i = 0; i < barrier_threads && i < barrier->count; i++) {
        pthread_t thread;
        atomic_fetch_add(&barrier->users, 1);
        if (pthread_create(&thread, NULL, ask_monitors, barrier) == 0)
            (void)pthread_detach(thread);
        else
            atomic_fetch_sub(&barrier->users, 1);
    }
    struct pollfd watched[] = {{barrier->done_fd, POLLIN, 0}, {libvirt->cancel_fd, POLLIN, 0}};
    for (size_t answers = 0; answers < barrier->count; answers++) {
        uint64_t one;
        if (poll(watched, array_size(watched), barrier_idle_ms) <= 0 || watched[1].revents)
            break;
        (void)!read(barrier->done_fd, &one, sizeof(one));
    }
    barrier_leave(barrier);
}

/* Moves those of ours to the front and frees the rest. One that cannot be read ends it all: it
 * would look like a loss. */
static enum code keep_ours(struct domains *domains, struct error *err) {
    size_t all = domains->count, ours = 0;
    enum code code = CODE_OK;
    for (size_t i = 0; i < all && code != CODE_HOST_FAILED; i++) {
        auto_clean(domain_clean) virDomainPtr domain = take(domains->items[i]);
        struct host_domain_mark mark;
        code = vm_of(domain) ? read_mark(domain, &mark, err) : CODE_CONFLICT;
        if (code == CODE_OK)
            domains->items[ours++] = take(domain);
    }
    if (code == CODE_HOST_FAILED)
        return code;
    domains->count = ours;
    return CODE_OK;
}

int libvirt_list(struct libvirt *libvirt, struct libvirt_domain **out_domains, size_t *out_count,
                 struct error *err) {
    auto_clean(connection_clean) virConnectPtr connection = use_connection(libvirt, err);
    if (!connection)
        return -ENOTCONN;
    auto_clean(domains_clean) struct domains domains = {0};
    int all = virConnectListAllDomains(connection, &domains.items, 0);
    if (all < 0)
        return failed(err, "list the domains"), -EIO;
    domains.count = (size_t)all;
    if (keep_ours(&domains, err) != CODE_OK)
        return -EIO;
    if (libvirt->driver == LIBVIRT_QEMU)
        await_reconnection(libvirt, &domains);
    auto_clean(memory_clean) struct libvirt_domain *ours =
        memory_new(domains.count, sizeof(*ours));
    size_t count = 0;
    for (size_t i = 0; i < domains.count; i++) {
        enum code code = read_mark(domains.items[i], &ours[count].mark, err);
        if (code == CODE_OK)
            code = read_state(domains.items[i], &ours[count].state, err);
        if (code == CODE_HOST_FAILED)
            return -EIO;
        count += code == CODE_OK;
    }
    *out_domains = take(ours);
    *out_count = count;
    return 0;
}

/* --- acts --- */

enum code libvirt_define(struct libvirt *libvirt, const char *xml, struct error *err) {
    auto_clean(connection_clean) virConnectPtr connection = use_connection(libvirt, err);
    if (!connection)
        return CODE_HOST_FAILED;
    auto_clean(domain_clean) virDomainPtr domain = virDomainDefineXML(connection, xml);
    return domain ? CODE_OK : failed(err, "define the domain");
}

/* Runs `act` on the VM's domain. */
static enum code act_on(struct libvirt *libvirt, const char *vm, enum libvirt_mark known,
                        enum code (*act)(const struct libvirt *, virDomainPtr, struct error *),
                        struct error *err) {
    auto_clean(connection_clean) virConnectPtr connection = use_connection(libvirt, err);
    if (!connection)
        return CODE_HOST_FAILED;
    auto_clean(domain_clean) virDomainPtr domain = NULL;
    struct host_domain_mark mark, *to_read = known == LIBVIRT_MARK_KNOWN ? NULL : &mark;
    enum code code = look_up(connection, vm, &domain, to_read, err);
    return code == CODE_OK ? act(libvirt, domain, err) : code;
}

static enum code start(const struct libvirt *libvirt, virDomainPtr domain, struct error *err) {
    (void)libvirt;
    enum code code = virDomainCreate(domain) == 0 ? CODE_OK : failed(err, "start the domain");
    return code == CODE_OK || virDomainIsActive(domain) == 1 ? CODE_OK : code;
}

static enum code stop(const struct libvirt *libvirt, virDomainPtr domain, struct error *err) {
    (void)libvirt;
    if (virDomainIsActive(domain) == 0 || virDomainDestroy(domain) == 0)
        return CODE_OK;
    enum code code = failed(err, "stop the domain");
    return virDomainIsActive(domain) == 0 ? CODE_OK : code;
}

static enum code undefine(const struct libvirt *libvirt, virDomainPtr domain, struct error *err) {
    unsigned flags = VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA;
    if (libvirt->driver == LIBVIRT_QEMU)
        flags |= VIR_DOMAIN_UNDEFINE_NVRAM | VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA;
    if (virDomainUndefineFlags(domain, flags) == 0 || virGetLastErrorCode() == VIR_ERR_NO_DOMAIN)
        return CODE_OK;
    return failed(err, "undefine the domain");
}

/* Only a running guest hears a question. */
static enum code asked(virDomainPtr domain, int outcome, const char *what, struct error *err) {
    if (outcome == 0)
        return CODE_OK;
    enum code code = failed(err, what);
    return virDomainIsActive(domain) == 0 ? CODE_BAD_STATE : code;
}

static enum code ask_shutdown(const struct libvirt *libvirt, virDomainPtr domain,
                              struct error *err) {
    (void)libvirt;
    return asked(domain, virDomainShutdown(domain), "shut the domain down", err);
}

static enum code ask_reboot(const struct libvirt *libvirt, virDomainPtr domain,
                            struct error *err) {
    enum code code = asked(domain, virDomainReboot(domain, 0), "reboot the domain", err);
    if (code == CODE_OK && libvirt->driver == LIBVIRT_TEST) /* that driver tells nobody */
        libvirt->listener.rebooted(libvirt->listener.context, vm_of(domain));
    return code;
}

enum code libvirt_start(struct libvirt *libvirt, const char *vm, enum libvirt_mark known,
                        struct error *err) {
    return act_on(libvirt, vm, known, start, err);
}

enum code libvirt_stop(struct libvirt *libvirt, const char *vm, struct error *err) {
    return act_on(libvirt, vm, LIBVIRT_MARK_UNREAD, stop, err);
}

enum code libvirt_undefine(struct libvirt *libvirt, const char *vm, struct error *err) {
    return act_on(libvirt, vm, LIBVIRT_MARK_UNREAD, undefine, err);
}

enum code libvirt_shutdown(struct libvirt *libvirt, const char *vm, struct error *err) {
    return act_on(libvirt, vm, LIBVIRT_MARK_UNREAD, ask_shutdown, err);
}

enum code libvirt_reboot(struct libvirt *libvirt, const char *vm, struct error *err) {
    return act_on(libvirt, vm, LIBVIRT_MARK_UNREAD, ask_reboot, err);
}
