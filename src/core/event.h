/* Events: all that can reach a role. A step looks at one event; what it wants done it appends to
 * the effects (effect.h). Nothing else goes in or out of the core.
 *
 * The pointers in an event belong to the caller and live for the step only. */
#pragma once

#include "message/protocol.h"
#include "message/request.h"

enum event_kind {
    EVENT_LOAD,      /* one stored record, before EVENT_START */
    EVENT_START,     /* all records are loaded: begin */
    EVENT_TICK,      /* time has passed */
    EVENT_LINK,      /* our own connection of a link came up or went down */
    EVENT_PEER,      /* presence of another peer on a link: a hint */
    EVENT_FRAME,     /* header and messages from another peer */
    EVENT_REQUEST,   /* from an API (managers) */
    EVENT_IMAGE,     /* an image is in this cluster's repository, or could not be fetched */
    EVENT_JOB,       /* a host job ended (agent) */
    EVENT_DOMAIN,    /* a domain of ours was found by a scan, or changed by itself (agent) */
    EVENT_SCANNED,   /* the scan that follows EVENT_START is complete (agent) */
    EVENT_HOST,      /* what the host has (agent) */
    EVENT_STOP,      /* finish what is under way, take nothing new */
    EVENT_JOIN,      /* somebody asks to be pinned (managers) */
    EVENT_JOINED,    /* the answer to it (joiner) */
    EVENT_REKEY,     /* we are changing our key of a link, or have */
    EVENT_KIND_COUNT,
};

enum presence { PRESENCE_DOWN, PRESENCE_UP };

struct event_presence {
    uint32_t link;
    const char *address; /* EVENT_PEER only */
    enum presence presence;
};

struct event_frame {
    uint32_t link;
    const char *from; /* what the carrier vouches for */
    const struct frame *frame;
    uint32_t endpoint; /* the link's server that brought it */
    const char *next_key; /* that it is sealed by, of a peer that is changing its key; or NULL */
};

struct event_image {
    char digest[limit_digest_size];
    enum code code; /* CODE_OK, CODE_IMAGE_UNAVAILABLE, CODE_IMAGE_BROKEN */
};

enum snapshots_left { SNAPSHOTS_UNKNOWN, SNAPSHOTS_THERE, SNAPSHOTS_GONE };

struct event_job {
    uint64_t job;   /* as in the effect */
    enum code code; /* CODE_OK, CODE_IMAGE_…, CODE_HOST_FAILED, CODE_BAD_STATE */
    bool memory; /* JOB_SNAPSHOT: the VM ran, and its memory is in it */
    /* Where a job that changes what the VM has failed: what it has now, as far as can be said. */
    struct size size;              /* 0 cpus: unknown */
    char image[limit_digest_size]; /* "": unknown */
    enum snapshots_left left;      /* of those that the job was to delete */
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
    char uri[limit_landing], folder[limit_landing]; /* where it receives them; "": it does not */
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

struct event {
    enum event_kind kind;
    uint64_t now_ms;  /* monotonic: for waiting */
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
        struct event_join join;
        struct event_joined joined;
        struct event_rekey rekey;
    };
};

extern const char *const event_names[EVENT_KIND_COUNT];

/* Adds the event as one readable line: debug log, trace and test oracle are the same text. */
void event_print(const struct event *event, struct text *out);
