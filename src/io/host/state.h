/* A host at work: what its jobs share, and what they tell the shell of domains. */
#pragma once

#include <stdatomic.h>

#include "core/event.h"
#include "io/host/files.h"
#include "io/host/known.h"
#include "io/host/libvirt/connection.h"
#include "io/host/machine.h"
#include "io/image/shelf.h"
#include "io/os/pool.h"

enum { host_again_ms = 1000 }; /* between questions to a libvirt that does not answer */

struct host_guard;
struct guest_ips;
struct guest_usage;
struct streams;

struct host {
    struct shell *shell;
    struct host_files files;
    struct shelf shelf; /* of its images */
    char *images;       /* their folder */
    atomic_bool closing;
    const char *accelerator; /* "kvm", "tcg", "test" */
    struct host_machine machine;
    struct size wanted, reserve; /* by the owner */
    struct event_host told;      /* the newest one */
    struct host_networks networks;
    struct host_known *known;
    struct libvirt *libvirt;
    struct host_guard *guard;
    struct guest_ips *ips;
    struct guest_usage *usage;
    struct streams *streams;     /* the owner's of this, not ours */
    struct pool *jobs, *fetches, *reads, *opens, *dials;
};

void host_post_domain(struct host *host, const struct host_domain_mark *mark,
                      enum vm_state state, enum domain_news why);
