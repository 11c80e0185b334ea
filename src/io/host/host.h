/* The host port: what an agent's host can do. host.c fulfils it on worker threads, by libvirt/
 * (domains) and files.h (disks and images); every result comes back to the shell as EVENT_JOB,
 * EVENT_DOMAIN, EVENT_SCANNED, EVENT_HOST, EVENT_IPS, EVENT_USAGE or EVENT_READ. No call blocks
 * the loop.
 *
 * It never touches a domain that does not carry our metadata. All jobs are idempotent (effect.h).
 * JOB_SCAN is answered by EVENT_SCANNED alone; a scan after a lost connection comes by itself. */
#pragma once

#include "base/error.h"
#include "core/effect.h"
#include "io/host/domain.h"
#include "io/shell/ports.h"

struct host;
struct streams;

struct host_settings {
    const char *uri;          /* libvirt's: qemu:///system, qemu:///embed?root=…, test:///default */
    const char *folder;       /* our own: images/, vms/ */
    const char *image_url;    /* prefix: <image_url>/<digest> is the archive; https, http or file */
    const char *image_ca_file;    /* NULL: the system's */
    const char *image_token_file; /* bearer token for it, NULL: none */
    const char *accelerator;  /* "auto", "kvm", "tcg" */
    const char *migration_uri; /* by which other hosts reach this libvirt; NULL: they do not */
    struct size reserve;      /* kept for the host itself; disk_gib 0: the usual (os/disk.h) */
    uint64_t most_image_gib;  /* of an image's disk; 0: any */
    uint64_t most_images_mib; /* that are kept unpacked; 0: any number */
    struct size capacity;     /* 0 fields: what the host has */
    struct host_networks networks;
    uint32_t workers;         /* threads for libvirt calls */
    const char *warden;       /* the folder of its warden; NULL: the usual */
    struct streams *streams;  /* that it hands what it opens to; outlives it */
    const char *pid_folder;   /* of libvirt's pid files; NULL: by the URI */
};

/* Opens the connection (may take seconds at first: capabilities probe), posts EVENT_HOST and
 * begins to watch domains. NULL with `err`. Strings are copied. The process must ignore SIGPIPE:
 * libvirt's client writes to a daemon that may have died. */
struct host *host_open(const struct host_settings *settings, struct shell *shell,
                       struct error *err);

/* Queues one job; jobs of different VMs run at the same time, as far as workers go. */
void host_submit(struct host *host, const struct effect_job *job);

/* Passes an order on to the host's warden, before any job that is submitted later is begun. */
void host_order(struct host *host, const struct effect_guard *order);

/* Reads a part of a console's log, beside all jobs; EVENT_READ follows. */
void host_read(struct host *host, const struct effect_read *read);

/* Looks what VMs use, beside all jobs; EVENT_USAGE follows, from the second time on. */
void host_usage(struct host *host);

/* The agent's answer about an image that may go (EVENT_ARCHIVE), within its turn. */
void host_answer(struct host *host, const struct effect_archive *effect);

/* Waits for the jobs under way (downloads are given up, and what is being sent to other hosts),
 * drops those that wait, then closes. VMs keep running. */
void host_close(struct host *host);
