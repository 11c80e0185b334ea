/* What is here for good, once libvirt has found its running guests again. */
#include "io/host/libvirt/find.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/host/libvirt/look_up.h"
#include "io/os/folder.h"

enum {
    barrier_threads = 4, /* five stuck calls would freeze a remote connection */
    barrier_idle_ms = 35000, /* libvirt itself gives up on a busy domain after 30 s */
};

/* A domain that another host sends is ours only when it has come. */
static bool has_come(virDomainPtr domain) { return virDomainIsPersistent(domain) != 0; }

enum code libvirt_find(struct libvirt *libvirt, const char *vm, struct libvirt_domain *out_domain,
                       struct error *err) {
    auto_clean(ours_clean) struct ours ours = {0};
    enum code code = libvirt_look_up(libvirt, vm, &ours, err);
    if (code == CODE_OK && !has_come(ours.domain)) {
        error_set(err, -ENOENT, "the domain has not come for good");
        return CODE_LOST;
    }
    out_domain->mark = ours.mark;
    return code == CODE_OK ? libvirt_state(ours.domain, &out_domain->state, err) : code;
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
        (void)!write(barrier->done_fd, &(uint64_t){1}, sizeof(uint64_t));
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
        if (virDomainIsActive(domains->items[i]) == 1 &&
            !libvirt_is_frozen(libvirt, libvirt_vm_of(domains->items[i])) &&
            virDomainRef(domains->items[i]) == 0)
            barrier->domains[barrier->count++] = domains->items[i];
    for (size_t i = 0; i < barrier_threads && i < barrier->count; i++) {
        pthread_t thread;
        atomic_fetch_add(&barrier->users, 1);
        if (pthread_create(&thread, NULL, ask_monitors, barrier) == 0)
            (void)pthread_detach(thread);
        else
            atomic_fetch_sub(&barrier->users, 1);
    }
    struct pollfd watched[] = {{barrier->done_fd, POLLIN, 0},
                               {libvirt_cancel_fd(libvirt), POLLIN, 0}};
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
        code = libvirt_vm_of(domain) ? libvirt_read_mark(domain, &mark, err) : CODE_CONFLICT;
        if (code == CODE_OK)
            domains->items[ours++] = take(domain);
    }
    if (code == CODE_HOST_FAILED)
        return code;
    domains->count = ours;
    return CODE_OK;
}

/* One that stands still by its warden's doing has its memory, also where libvirt, started anew, has
 * not found it again: that waits for QEMU's answer. */
static enum code read_state(const struct libvirt *libvirt, virDomainPtr domain,
                            struct libvirt_domain *out, struct error *err) {
    enum code code = libvirt_state(domain, &out->state, err);
    if (code == CODE_OK && out->state != VM_PAUSED && libvirt_is_frozen(libvirt, out->mark.vm))
        out->state = VM_RUNNING;
    return code;
}

int libvirt_list(struct libvirt *libvirt, struct libvirt_domain **out_domains, size_t *out_count,
                 struct error *err) {
    auto_clean(connection_clean) virConnectPtr connection = libvirt_use(libvirt, err);
    if (!connection)
        return -ENOTCONN;
    auto_clean(domains_clean) struct domains domains = {0};
    int all = virConnectListAllDomains(connection, &domains.items, 0);
    if (all < 0)
        return libvirt_failed(err, "list the domains"), -EIO;
    domains.count = (size_t)all;
    if (keep_ours(&domains, err) != CODE_OK)
        return -EIO;
    if (libvirt_driver(libvirt) == LIBVIRT_QEMU)
        await_reconnection(libvirt, &domains);
    auto_clean(memory_clean) struct libvirt_domain *ours =
        memory_new(domains.count, sizeof(*ours));
    size_t count = 0;
    for (size_t i = 0; i < domains.count; i++) {
        enum code code = libvirt_read_mark(domains.items[i], &ours[count].mark, err);
        if (code == CODE_OK)
            code = read_state(libvirt, domains.items[i], &ours[count], err);
        if (code == CODE_HOST_FAILED)
            return -EIO;
        count += code == CODE_OK && has_come(domains.items[i]);
    }
    *out_domains = take(ours);
    *out_count = count;
    return 0;
}
