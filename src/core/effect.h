/* Effects: all that a role can ask for. The shell (io/shell, and the simulator) performs them:
 * first every SAVE and FORGET of the batch in one transaction, then the others in order.
 * A failed commit ends the process; results come back as events. Effects own their data. */
#pragma once

#include "message/protocol.h"
#include "message/request.h"

enum effect_kind {
    EFFECT_SAVE,   /* put the record into the store, by its table and key (first field) */
    EFFECT_FORGET, /* delete it */
    EFFECT_SEND,   /* one message to one address; the shell batches */
    EFFECT_ACKNOWLEDGE, /* a frame's numbers alone, unless messages to the same address go too */
    EFFECT_REPLY,  /* to a request of the API */
    EFFECT_IMAGE,  /* fetch an image into this cluster's repository (downstream) */
    EFFECT_JOB,    /* one piece of work on the host (agent) */
    EFFECT_NOTE,   /* tell the log something that a person should know */
    EFFECT_READY,  /* start-up is done: serve */
    EFFECT_DONE,   /* after EVENT_STOP: nothing is under way any more, exit */
    EFFECT_PIN,    /* from here on the peer at an address has this key */
    EFFECT_PIN_NEXT, /* the peer is changing to this key: seal to it, hear both */
    EFFECT_JOIN,   /* ask a manager to pin our key (joiner) */
    EFFECT_JOINED, /* the answer to whoever asked (managers) */
    EFFECT_DEPOSED, /* places follow a later manager by our name: say so and end (managers) */
    EFFECT_ROUTE,  /* what goes to an address leaves by this server of the link (managers) */
    EFFECT_GUARD,  /* something for the host's warden (agent) */
    EFFECT_STREAM, /* something for the ends of a stream (managers, agent) */
    EFFECT_READ,   /* a part of a VM's console log (agent) */
    EFFECT_USAGE,  /* look what the host's VMs use, since that was asked last; EVENT_USAGE follows,
                    * or nothing, where that cannot be seen (agent) */
    EFFECT_ARCHIVE, /* whether an image that is kept here is to stay */
    EFFECT_BUCKET, /* something for the block store (downstream) */
    EFFECT_DELIVER, /* send what happened to a contact (managers) */
    EFFECT_KIND_COUNT,
};

struct effect_send {
    uint32_t link;
    char address[limit_address_size];
    enum frame_form form;       /* that the peer knows */
    struct frame_header header; /* numbers of this message */
    struct message message;
};

enum job_kind {
    JOB_SCAN,     /* report every domain of ours by EVENT_DOMAIN, then EVENT_SCANNED */
    JOB_LOOK,     /* say what a domain has, of which the books know nothing */
    JOB_FETCH,    /* image into the host's cache */
    JOB_CREATE,   /* disk overlay, first-boot seed, define the domain; again: no harm */
    JOB_START,    /* from what was saved, if something was; running already: no harm */
    JOB_SHUTDOWN, /* ask the guest; its end comes as EVENT_DOMAIN */
    JOB_STOP,     /* off, at once, and nothing saved; off already: no harm */
    JOB_PAUSE,    /* held in memory; held already: no harm */
    JOB_RESUME,   /* running already: no harm */
    JOB_SUSPEND,  /* memory to disk, for the next start; saved already: no harm */
    JOB_REBOOT,   /* ask the guest; DOMAIN_REBOOTED follows. Hard: done, whoever follows */
    JOB_RESIZE,   /* to the definition's size: of that size already, no harm */
    JOB_REBUILD,  /* off, with a fresh disk of the definition's image and without snapshots */
    JOB_SNAPSHOT, /* one of this name and operation is there already: no harm */
    JOB_SNAPSHOT_DELETE, /* gone already: no harm */
    JOB_REVERT,   /* to the snapshot, with the definition's size; again: no harm */
    JOB_RECEIVE,  /* image overlay and seed for a VM that comes by itself; again: no harm */
    JOB_MIGRATE,  /* to the landing, where a disk of the definition is ready and it stands still;
                   * gone here, with its files: gone already, no harm. Failed: it is here, and
                   * nothing that was begun goes on */
    JOB_ADOPT,    /* what has come, or come and gone off since, runs; again: no harm */
    JOB_COPY,     /* its disk as it is at one moment, into the manager's repository; again: another
                   * moment */
    JOB_ALLOW,    /* the definition's rules hold from here on, also while it runs; again: no harm.
                   * Failed: event_job.found says which do */
    JOB_CONNECT,  /* it has interfaces in the definition's networks, and no others, also while it
                   * runs; again: no harm. Failed: event_job.found says in which */
    JOB_REMOVE,   /* off, undefined, all files gone; gone already: no harm */
    JOB_EVICT,    /* off, undefined, all files put aside for the host's owner: the VM runs
                   * elsewhere, from what was there before; gone already: no harm */
    JOB_KIND_COUNT,
};

struct effect_job {
    uint64_t job; /* number, for the event */
    enum job_kind kind;
    char op[limit_id_size]; /* for the log */
    char vm[limit_id_size];
    uint32_t epoch;
    struct definition definition; /* of the verbs that have one */
    char snapshot[limit_name_size]; /* JOB_SNAPSHOT, JOB_SNAPSHOT_DELETE, JOB_REVERT */
    struct landing landing;         /* JOB_MIGRATE */
    bool hard;                      /* JOB_REBOOT: the guest is not asked */
    bool starts; /* JOB_CREATE, JOB_REBUILD: when that is done and told (event_job.starts), the
                  * VM is started as by JOB_START, which ends the job */
    bool records; /* JOB_CREATE: copies are to be made of it, so its disk records from the
                   * beginning what is written */
    struct copy_order copy;         /* JOB_COPY; JOB_CREATE: with a root, the disk is made of it */
};

struct effect_image {
    uint32_t link; /* of the uplink that asked: which repository above to pull from */
    char digest[limit_digest_size];
};

enum note_level {
    NOTE_INFO,
    NOTE_WARNING,
    NOTE_FAULT, /* of ours, and of nobody else: the simulator lets none be */
};

struct effect_note {
    enum note_level level;
    char op[limit_id_size]; /* "" without one */
    char text[limit_text_size];
};

struct effect_pin {
    uint32_t link;
    char address[limit_address_size];
    char key[limit_public_key_size]; /* "": none, it is not heard any more */
};

struct effect_join {
    uint32_t link;
    char address[limit_address_size];
    char token[limit_id_size];
    char secret[limit_join_secret_size];
};

struct effect_joined {
    uint32_t link;
    char address[limit_address_size];
    char key[limit_public_key_size]; /* to seal it to, pinned or not */
    enum join_verdict verdict;
};

struct effect_route {
    uint32_t link, endpoint;
    char address[limit_address_size];
};

struct effect_deposed {
    uint64_t term, later; /* our own, and the other's */
};

/* Done at once, in its order: before a job that follows it is begun. What is asked while there is
 * no warden is asked again when one is there (EVENT_GUARD); without harm if it was done. */
enum guard_order {
    GUARD_TAKE,  /* the VM is of this group from here on; there may be no process of it yet. A VM
                  * that is guarded and comes to run while its group may not is frozen before the
                  * guest's first instruction: JOB_START and its like begin it so */
    GUARD_DROP,  /* the VM is of no group any more: it has gone, or needs no lease */
    GUARD_RENEW, /* the group's VMs may run until then: what is frozen goes on */
    GUARD_END,   /* the VM's process is killed, whatever its group may: it runs elsewhere. It stays
                  * so until GUARD_TAKE or GUARD_DROP */
};

struct effect_guard {
    enum guard_order order;
    uint32_t group;          /* GUARD_TAKE, GUARD_RENEW; 0: by the lease of the host's manager */
    char vm[limit_id_size];  /* all but GUARD_RENEW */
    uint64_t until_ms;       /* GUARD_RENEW: on the clock of now_ms, CLOCK_BOOTTIME; only later
                              * than before, or the warden is a new one */
};

/* Answered by EVENT_READ, however long the log or old the VM; nothing else waits for it. */
struct effect_read {
    uint64_t number; /* for the event */
    char vm[limit_id_size];
    uint64_t from; /* 0: the newest part */
};

/* Of an archive in a manager's repository, or what a host has unpacked of one. */
enum archive_word {
    ARCHIVE_ASK,    /* upstream: nobody needs it; stop who adds images, and ask by EVENT_ARCHIVE */
    ARCHIVE_REMOVE, /* the answer: put it out of the way at once, so that who wants it later finds
                     * that it is not there */
    ARCHIVE_KEEP,   /* or leave it */
};

struct effect_archive {
    enum archive_word word;
    uint32_t link; /* as in the event */
    char digest[limit_digest_size];
};

/* A VM's bucket is what the block store has of its copies. */
enum bucket_order {
    BUCKET_OPEN, /* the host of the operation may put a copy into it, and nobody else; there is one
                  * from here on. Answered by EVENT_BUCKET, with how it is done */
    BUCKET_KEEP, /* these copies stay, and what else is there may go; or all stays as it is, since
                  * one of them is not there as a whole. Answered, where an operation waits */
    BUCKET_PROVE, /* which of these, from the newest on, is there as a whole? All blocks are read.
                   * Answered, though no operation waits */
    BUCKET_DROP, /* all of it goes; gone already: no harm. Not answered */
    BUCKET_ORDER_COUNT,
};

struct effect_bucket {
    enum bucket_order order;
    char vm[limit_id_size];
    char op[limit_id_size]; /* BUCKET_OPEN, BUCKET_KEEP; "": nobody waits */
    uint32_t disk_gib;      /* BUCKET_OPEN: of the VM's disk, which bounds the bucket */
    char roots[limit_copies + 1][limit_digest_size]; /* BUCKET_OPEN: as kept so far; BUCKET_KEEP,
                                                      * BUCKET_PROVE; the oldest first */
    uint32_t roots_count;
};

/* Answered by EVENT_DELIVERED, in a minute at the most; without notices it is the challenge, which
 * the contact has to send back. */
struct effect_deliver {
    struct record contact, delivery;
    uint64_t wall_ms; /* now */
};

enum stream_order {
    STREAM_OPEN,   /* agent: at the VM, then dial as by STREAM_DIAL, sealed. EVENT_STREAM says
                    * whether it is open */
    STREAM_TAKE,   /* who came with a ticket is this end of the stream */
    STREAM_REFUSE, /* and who came with one that is worth nothing is none */
    STREAM_DIAL,   /* upward, with a ticket: that is the upper end */
    STREAM_CUT,    /* both ends, at once; no word of its end follows */
};
extern const char *const stream_order_names[STREAM_CUT + 1];

enum stream_side { STREAM_BELOW, STREAM_ABOVE };

struct effect_stream {
    enum stream_order order;
    uint64_t number; /* the stream's; all but STREAM_REFUSE */
    uint64_t claim;  /* STREAM_TAKE, STREAM_REFUSE: as in the event */
    enum stream_side side; /* STREAM_TAKE */
    char vm[limit_id_size]; /* all but STREAM_REFUSE */
    struct open to;  /* STREAM_OPEN, STREAM_DIAL: url, pin, ticket; STREAM_OPEN: key */
    struct stream_secret opens; /* STREAM_TAKE: what comes by this end is sealed to this secret by
                                 * this key; "": it passes as it is */
};

struct effect {
    enum effect_kind kind;
    union {
        struct record record;             /* SAVE; FORGET: a record with only the key set */
        struct effect_send send;          /* ACKNOWLEDGE: without the message */
        struct reply reply;
        struct effect_image image;
        struct effect_job job;
        struct effect_note note;
        struct effect_pin pin; /* PIN_NEXT too */
        struct effect_join join;
        struct effect_joined joined;
        struct effect_route route;
        struct effect_deposed deposed;
        struct effect_guard guard;
        struct effect_read read;
        struct effect_archive archive;
        struct effect_bucket bucket;
        struct effect_deliver deliver;
        struct effect_stream stream;
    };
};

struct effects {
    struct effect *items;
    size_t count, capacity;
};

extern const char *const job_names[JOB_KIND_COUNT];
extern const char *const guard_order_names[GUARD_END + 1];
extern const char *const archive_word_names[ARCHIVE_KEEP + 1];
extern const char *const bucket_order_names[BUCKET_ORDER_COUNT];

struct effect *effects_add(struct effects *effects, enum effect_kind kind); /* zeroed */

/* A copy of the record is to be put into the store, or the one with this key deleted. */
void effects_save(struct effects *effects, const struct table *table, const void *data);
/* The record with only its key set is returned, for what else it is to say. */
void *effects_forget(struct effects *effects, const struct table *table, const char *key);
void effects_note(struct effects *effects, enum note_level level, const char *op,
                  const char *format, ...) format_checked(4, 5);

/* What another party can bring about again and again is noted the first time, the second, the
 * fourth and so on, so that it fills no log. `times`: with this one. */
bool effects_worth_noting(uint64_t times);
void effects_archive(struct effects *effects, const struct effect_archive *archive);
void effects_note_disk(struct effects *effects, bool is_full, const char *which);
void effects_clear(struct effects *effects); /* frees what they own, keeps the array */
void effects_deinit(struct effects *effects);

/* Whoever is at this address was heard by this server of the link, beyond doubt. */
void effects_route(struct effects *effects, uint32_t link, const char *address, uint32_t endpoint);

/* Adds the effect as one readable line. */
void effect_print(const struct effect *effect, struct text *out);
