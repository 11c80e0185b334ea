/* How an agent's end speaks to the manager above: the uplink itself, whether it has room, and how a
 * message gets into its session. What is said when, and what is heard, is the business of
 * above/uplink (the session) and above/instruct (the instructions), which both stand on this. */
#pragma once

#include "core/books/book.h"
#include "core/link/incarnation.h"
#include "core/link/lease.h"
#include "core/link/session.h"

struct uplink {
    struct book *book; /* its role's, like the moment and the incarnation */
    const struct own_incarnation *own;
    struct moment *moment;
    struct peer_setting setting;
    struct incarnation known; /* the newest of the manager's that was heard */
    uint64_t note_ms;         /* when the log may tell again why there is no session */
    bool contested;           /* our address was taken since the last session */
    struct session session;
    struct lease lease;    /* that the manager gives */
    bool guarded, leased;  /* as is said in hello and beats; the role's to set */
    uint64_t lease_ms;     /* that the manager usually gives; 0: it gives none */
    char software[limit_software_size];
    const char *networks;  /* as hello says; NULL: none */
    enum presence link;
    bool shut;             /* by the owner: whatever the connection does */
    uint64_t hello_due_ms; /* while OPENING */
    uint32_t hellos;       /* said without an answer */
    uint64_t said_digest;  /* of the VM table, in the newest hello */
    uint64_t beat_due_ms;  /* while OPEN */
    struct overcommit overcommit; /* asked of a host; 0: nothing is */
    uint64_t beat_ms;
    struct shape *shapes; /* the manager's catalogue */
    size_t shapes_count;
    uint64_t capacity_due_ms; /* when a changed capacity is to be told; book_never: it is */
    struct capacity told;     /* newest capacity that the manager was told */
    uint64_t unreadable;      /* messages of the manager that could not be read, since the start */
    bool starved;             /* something found the session full */
    bool sends, receives;     /* of a host: said in hello */
    bool is_hosts;            /* nobody's below; a VM may just have come, its IP addresses unseen */
    bool says_why;            /* of a host: where the manager asks for it */
    bool asked_why;           /* by the manager */
    bool asked_images;        /* the manager has asked for them */
    uint32_t asked_usage_ms;  /* it wants to hear this often what VMs use; 0: it does not */
    struct holds holds;       /* images that are here, for this manager; the newest last */
    bool told_holds;          /* in this session */
    bool hides_ips;           /* of VMs: the owner does not let it know */
    bool missed;              /* a VM's change found it full: the table is told again */
    bool table_begins;
    struct book_cursor table; /* of the VM table while that is being told */
    struct list waiting;      /* book_op.by_room: results that found the session full */
    struct list refusals;     /* results in no books; limit_session_messages at the most */
    size_t refusals_count;
    char next_key[limit_public_key_size]; /* that we are changing to, or "" */
    bool told_key;            /* in this session */
    char *manager_key;        /* that the manager is changing to, or NULL */
    struct prng prng;
};
bool uplink_is_open(const struct uplink *uplink);

/* False: what is to be said has to wait in the books, for room or for the next session. */
bool uplink_has_room(const struct uplink *uplink);

/* Something waits, or is to be told again, for want of room: if the session is full, the uplink is
 * starved, and resumes once there is room. */
void uplink_await_room(struct uplink *uplink);

/* Moves the message into a SEND if the session is open and has room; otherwise drops it: what
 * matters is told again when it opens, or when uplink_resumes(). */
void uplink_send(struct uplink *uplink, struct message *message);
/* What a manager wanted to read; lost where there is no room: then it asks again. */
void uplink_send_reading(struct uplink *uplink, uint64_t number, const struct reading *reading);
/* A stream that a manager asked for is open, or why not; lost where there is no room. */
void uplink_send_opened(struct uplink *uplink, const struct opened *opened);
/* What VMs use; lost where there is no room. */
void uplink_send_usages(struct uplink *uplink, const struct vm_usage *vms, uint32_t count);
void uplink_send_progress(struct uplink *uplink, struct book_op *op, enum step step);
uint64_t uplink_digest(const struct uplink *uplink);
