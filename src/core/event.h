/* Events: all that can reach a role. A step looks at one event; what it wants done it appends to
 * the effects (effect.h). Nothing else goes in or out of the core.
 *
 * The pointers in an event belong to the caller and live for the step only. */
#pragma once

#include "core/effect.h"
#include "message/protocol.h"
#include "message/records/contact.h"
#include "message/request.h"

enum event_kind {
    EVENT_LOAD,      /* one stored record, before EVENT_START */
    EVENT_START,     /* all records are loaded: begin */
    EVENT_TICK,      /* time has passed */
    EVENT_LINK,      /* our own connection of a link came up or went down */
    EVENT_PEER,      /* presence of another peer on a link: a hint */
    EVENT_FRAME,     /* header and messages from another peer */
    EVENT_REQUEST,   /* from an API (managers) */
    EVENT_IMAGE,     /* an image is here, or could not be fetched (downstream, agent) */
    EVENT_JOB,       /* a host job ended (agent) */
    EVENT_DOMAIN,    /* a domain of ours was found by a scan, or changed by itself (agent) */
    EVENT_SCANNED,   /* the scan that follows EVENT_START is complete (agent) */
    EVENT_HOST,      /* what the host has (agent) */
    EVENT_DISK,      /* whether the daemon's own books still have room on their disk */
    EVENT_STOP,      /* finish what is under way, take nothing new */
    EVENT_JOIN,      /* somebody asks to be pinned (managers) */
    EVENT_JOINED,    /* the answer to it (joiner) */
    EVENT_REKEY,     /* we are changing our key of a link, or have */
    EVENT_GUARD,     /* what the host's warden does, or that there is none (agent) */
    EVENT_READ,      /* the part of a console's log that was asked for (agent) */
    EVENT_IPS,       /* which IP addresses a domain of ours has (agent) */
    EVENT_USAGE,     /* what the domains of ours that run have used (agent) */
    EVENT_ARCHIVE,   /* whether an image that is kept here may go, or that it is gone */
    EVENT_BUCKET,    /* an order for the block store is done, or cannot be (downstream) */
    EVENT_DELIVERED, /* what became of a delivery to a contact (managers) */
    EVENT_STREAM,    /* what becomes of streams' ends (managers, agent) */
    EVENT_CERTIFICATE, /* one of ours runs out soon, or has (managers) */
    EVENT_KIND_COUNT,
};

enum presence { PRESENCE_DOWN, PRESENCE_UP };

struct event_presence {
    uint32_t link;
    const char *address; /* EVENT_PEER only */
    enum presence presence;
    bool contested; /* EVENT_LINK, down: somebody else has taken our address */
};

struct event_frame {
    uint32_t link;
    const char *from; /* what the carrier vouches for */
    const struct frame *frame;
    uint32_t endpoint; /* the link's server that brought it */
    const char *next_key; /* that it is sealed by, of a peer that is changing its key; or NULL */
};

struct event_image {
    uint32_t link; /* downstream: of the uplink that it was fetched from: it is there for that one
                    * alone */
    char digest[limit_digest_size];
    enum code code; /* CODE_OK, also of each that was here when the process began; downstream:
                     * CODE_IMAGE_UNAVAILABLE, CODE_IMAGE_BROKEN; CODE_NO_CAPACITY: the
                     * manager's own disk has no room for it */
    char why[limit_text_size]; /* not CODE_OK: for the owner, in plain words */
};

enum snapshots_left { SNAPSHOTS_UNKNOWN, SNAPSHOTS_THERE, SNAPSHOTS_GONE };

struct event_job {
    uint64_t job;   /* as in the effect */
    enum code code; /* CODE_OK, CODE_IMAGE_…, CODE_HOST_FAILED, CODE_BAD_STATE */
    bool starts;    /* it is done but for the start, which begins: another event is its end */
    bool memory; /* JOB_SNAPSHOT: the VM ran, and its memory is in it */
    /* Where a job that changes what the VM has failed: what it has now, as far as can be said. */
    struct size size;              /* 0 cpus: unknown; 0 GiB: there is no disk */
    char image[limit_digest_size]; /* "": unknown */
    enum snapshots_left left;      /* of those that the job was to delete */
    struct copied copied;          /* JOB_COPY */
    struct vm *found; /* JOB_LOOK: its name, size, image, networks, snapshots, on_loss, allow;
                       * JOB_ALLOW, JOB_CONNECT, failed: the rules or networks alone count;
                       * NULL: unknown */
    char why[limit_text_size];     /* it failed, in plain words; "": no more is known */
};

enum domain_news {
    DOMAIN_FOUND,
    DOMAIN_CUT, /* found, not running, and not started since its host booted */
    DOMAIN_CHANGED,
    DOMAIN_REBOOTED,
};

struct event_domain {
    char vm[limit_id_size];
    uint32_t epoch;
    enum vm_state state; /* lifecycle_is_made(), or VM_LOST: undefined */
    enum domain_news why;
};

/* What the host offers, after the owner's reserve. */
struct event_host {
    struct size size;
    char accelerator[16]; /* "kvm", "tcg", "test" */
    bool sends;           /* VMs that run, to other hosts */
    bool is_full;         /* its disk: no new VM is to begin there */
    char uri[limit_landing], folder[limit_landing]; /* where it receives them; "": it does not */
};

struct event_disk {
    bool is_full;
};

struct event_join {
    uint32_t link, endpoint;
    const char *from;
    char token[limit_id_size];
    char secret_hash[limit_digest_size];
    char key[limit_public_key_size];
};

struct event_joined {
    uint32_t link;
    const char *from; /* and sealed by its key */
    enum join_verdict verdict;
};

struct event_rekey {
    uint32_t link;
    char key[limit_public_key_size]; /* our next public key; "": the change is done */
};

/* The warden is a process of its own on the host. It keeps, across ends of the agent and until the
 * host boots, which VMs are guarded and until when each group of them may run; when that is over,
 * it freezes what runs (no processor of the guest goes on; its memory stays), however the agent
 * is, and lets it go on once the group may run again. See EFFECT_GUARD. */
enum guard_news {
    GUARD_THERE,  /* the warden has shown within 2 s that it lives: after EVENT_START, before
                   * EVENT_SCANNED, and when it is there again. All that it should know it is then
                   * told again */
    GUARD_AWAY,   /* it has not, or this host has none: no lease is asked for; as GUARD_THERE */
    GUARD_FROZEN, /* a VM stands still, by its id: nothing that asks its hypervisor is begun. Also
                   * of each that stands still when the agent starts */
    GUARD_THAWED, /* it goes on */
};

struct event_guard {
    enum guard_news news;
    char vm[limit_id_size]; /* GUARD_FROZEN, GUARD_THAWED */
};

/* As they are seen now; the same again does no harm. None is no news, and is not told. */
struct event_ips {
    char vm[limit_id_size];
    uint32_t epoch;
    uint32_t count;
    const struct vm_ip *ips;
};

/* The answer to EFFECT_USAGE: those of which something can be said. */
struct event_usage {
    uint32_t count;
    const struct vm_usage *usages;
};

struct event_read {
    uint64_t number; /* as in the effect */
    enum code code;  /* CODE_OK; CODE_NOT_FOUND: there is no log; CODE_HOST_FAILED */
    uint64_t from, next;
    const char *base64; /* NULL: nothing more */
};

/* EFFECT_ARCHIVE is the answer. */
struct event_archive {
    uint32_t link; /* downstream: of the uplink for which it is kept */
    char digest[limit_digest_size];
    bool is_gone; /* upstream: it is removed; otherwise: may it be? No image gets it meanwhile */
};

struct event_bucket {
    enum bucket_order order; /* as in the effect, like the next two */
    char vm[limit_id_size], op[limit_id_size];
    enum code code; /* CODE_OK; CODE_NO_CAPACITY; CODE_LOST: BUCKET_KEEP, something is not there;
                     * CODE_HOST_FAILED: the block store itself failed */
    /* BUCKET_OPEN, BUCKET_PROVE: copies that were kept, and are not there as a whole any more */
    char lacking[limit_copies + 1][limit_digest_size];
    uint32_t lacking_count;
    struct copy_order copy; /* BUCKET_OPEN: how the host does it; BUCKET_PROVE: `root` is of the
                             * newest that is whole, "": none is */
    char image[limit_digest_size]; /* BUCKET_KEEP: that the last of its copies is beside */
    char why[limit_text_size]; /* not CODE_OK: for the owner, in plain words */
};

/* See EFFECT_DELIVER; one for each. */
struct event_delivered {
    char delivery[limit_id_size];
    enum delivered outcome;
    char why[limit_text_size]; /* not DELIVERED_DONE: in words for people */
};

enum stream_news {
    STREAM_CAME,  /* somebody with a ticket; waits to be taken or refused (managers) */
    STREAM_IS_OPEN, /* or not, as `code` says (agent) */
    STREAM_ENDED, /* one end has gone, or was not reached; so has the other */
};

struct event_stream {
    enum stream_news news;
    uint64_t number; /* as in the effect; STREAM_CAME: of the claim, for the effect */
    enum code code;  /* STREAM_IS_OPEN */
    char key[limit_public_key_size];    /* STREAM_IS_OPEN: that seals it */
    char ticket[limit_digest_size];     /* STREAM_CAME: SHA-256 of what was shown */
    char token_hash[limit_digest_size]; /* and of the bearer token beside it; "": none */
    char from[audit_from_size];         /* its address */
};

/* Once a day, and after each start. */
struct event_certificate {
    char name[limit_setting_size]; /* "[api] certificate_file" */
    uint64_t expires_ms;
};

struct event {
    enum event_kind kind;
    /* For waiting; it never goes back. It is CLOCK_BOOTTIME, which goes on while the machine is
     * suspended: that shows as one step whose time is far later than the one before. */
    uint64_t now_ms;
    uint64_t wall_ms; /* wall clock: for people and for deadlines across a restart */
    union {
        struct record load;
        struct event_presence presence;
        struct event_frame frame;
        const struct request *request;
        struct event_image image;
        struct event_job job;
        struct event_domain domain;
        struct event_host host;
        struct event_disk disk;
        struct event_join join;
        struct event_joined joined;
        struct event_rekey rekey;
        struct event_guard guard;
        struct event_ips ips;
        struct event_usage usage;
        struct event_read read;
        struct event_archive archive;
        struct event_bucket bucket;
        struct event_delivered delivered;
        struct event_stream stream;
        struct event_certificate certificate;
    };
};

extern const char *const event_names[EVENT_KIND_COUNT];

/* Adds the event as one readable line: debug log, trace and test oracle are the same text. */
void event_print(const struct event *event, struct text *out);
