/* When a lost connection is opened again, by a thread that keeps at it, and how long a call
 * waits for that; what libvirt's events say of a VM's state. */
#include "io/host/libvirt/connection.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/host/domain.h"
#include "io/host/libvirt/library.h"
#include "io/os/folder.h"

enum {
    reopen_first_ms = 250,
    reopen_last_ms = 2000,
    reopen_attempts = 3, /* that a call waits for */
};

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

static void on_error(void *context, virErrorPtr error) { (void)context, (void)error; }
static void on_timer(int timer, void *context) { (void)timer, (void)context; }

static void signal_fd(int fd) {
    const uint64_t one = 1;
    (void)!write(fd, &one, sizeof(one));
}

bool libvirt_cancelled_within(const struct libvirt *libvirt, int milliseconds) {
    struct pollfd watched = {.fd = libvirt->cancel_fd, .events = POLLIN};
    (void)poll(&watched, 1, milliseconds);
    return atomic_load(&libvirt->cancelled);
}

int libvirt_cancel_fd(const struct libvirt *libvirt) { return libvirt->cancel_fd; }

enum libvirt_driver libvirt_driver(const struct libvirt *libvirt) { return libvirt->driver; }

void libvirt_tell_change(const struct libvirt *libvirt, const char *vm, enum vm_state state) {
    libvirt->listener.changed(libvirt->listener.context, vm, state);
}

void libvirt_tell_reboot(const struct libvirt *libvirt, const char *vm) {
    libvirt->listener.rebooted(libvirt->listener.context, vm);
}

bool libvirt_is_frozen(const struct libvirt *libvirt, const char *vm) {
    return libvirt->listener.is_frozen(libvirt->listener.context, vm);
}

/* --- events, on the loop's thread --- */

/* False: the event says nothing about the state. */
static bool state_of_event(int event, int detail, enum vm_state *out_state) {
    if ((event == VIR_DOMAIN_EVENT_STARTED && detail == VIR_DOMAIN_EVENT_STARTED_MIGRATED) ||
        (event == VIR_DOMAIN_EVENT_SUSPENDED && detail == VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED) ||
        (event == VIR_DOMAIN_EVENT_STOPPED && detail == VIR_DOMAIN_EVENT_STOPPED_MIGRATED))
        return false; /* it comes, or goes: what has come for good tells more */
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
        *out_state = detail == VIR_DOMAIN_EVENT_STOPPED_SAVED    ? VM_SUSPENDED
                     : detail == VIR_DOMAIN_EVENT_STOPPED_CRASHED ||
                               detail == VIR_DOMAIN_EVENT_STOPPED_FAILED ? VM_CRASHED
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

static int on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail,
                        void *context) {
    (void)connection;
    const struct libvirt *libvirt = context;
    const char *vm = libvirt_vm_of(domain);
    enum vm_state state;
    if (vm && state_of_event(event, detail, &state))
        libvirt_tell_change(libvirt, vm, state);
    return 0;
}

static void on_reboot(virConnectPtr connection, virDomainPtr domain, void *context) {
    (void)connection;
    const struct libvirt *libvirt = context;
    const char *vm = libvirt_vm_of(domain);
    if (vm)
        libvirt_tell_reboot(libvirt, vm);
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
        (void)libvirt_failed(err, "watch the domains");
        return NULL;
    }
    return take(connection);
}

virConnectPtr libvirt_use(struct libvirt *libvirt, struct error *err) {
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
        return libvirt_failed(err, "start libvirt"), -EIO;
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
    auto_clean(connection_clean) virConnectPtr connection = libvirt_use(libvirt, err);
    if (!connection)
        return -ENOTCONN;
    virNodeInfo node;
    char *capabilities = virConnectGetCapabilities(connection);
    if (!capabilities || virNodeGetInfo(connection, &node) < 0) {
        free(capabilities);
        return libvirt_failed(err, "read what the host has"), -EIO;
    }
    *out_cpus = node.cpus;
    *out_capabilities = capabilities;
    return 0;
}
