/* What the files of the libvirt adapter share, and nobody else sees: connection.c keeps the
 * connection and hears its events, find.c reads domains, act.c changes them, shape.c changes what
 * they have, grow.c their memory, migrate.c sends them to another host. All of libvirt's headers
 * come in here. */
#pragma once

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <stdatomic.h>

#include "io/host/libvirt/connection.h"

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

static inline void domain_clean(virDomainPtr *domain) {
    if (*domain)
        (void)virDomainFree(*domain);
}

static inline void connection_clean(virConnectPtr *connection) {
    if (*connection)
        (void)virConnectClose(*connection);
}

/* CODE_HOST_FAILED, with what was tried and what libvirt says of it. */
enum code libvirt_failed(struct error *err, const char *what);

/* The connection, with a reference for the caller. While it is lost, waits for a few attempts. */
virConnectPtr libvirt_use(struct libvirt *libvirt, struct error *err);

/* The VM that the domain's name says; NULL: none of ours. */
const char *libvirt_vm_of(virDomainPtr domain);

/* What the domain is now. */
enum code libvirt_state(virDomainPtr domain, enum vm_state *out_state, struct error *err);

/* The VM's domain, freed by the caller. out_mark NULL: it is known to be ours. Codes as those of
 * libvirt_find. */
enum code libvirt_look_up(virConnectPtr connection, const char *vm, virDomainPtr *out_domain,
                          struct host_domain_mark *out_mark, struct error *err);

/* CODE_BAD_STATE: a running domain cannot have that. */
enum code libvirt_cannot(struct error *err, const char *what);

/* Makes a running domain's memory larger than it is. CODE_BAD_STATE: nothing was done;
 * CODE_GUEST_IGNORED: it is larger, and not used. */
enum code libvirt_grow(const struct libvirt *libvirt, virDomainPtr domain, uint64_t to_mib,
                       struct error *err);

/* Takes out again what made the memory so large, if the guest lets it go. What the domain has
 * afterwards libvirt_size tells. */
void libvirt_ungrow(const struct libvirt *libvirt, virDomainPtr domain, uint64_t from_mib,
                    uint64_t to_mib);
