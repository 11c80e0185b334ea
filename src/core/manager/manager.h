/* What both managers are: the books of VMs and operations, the links to the places below (clusters,
 * or hosts) and who may enrol there. Each of the two roles embeds one, and says in a table of its
 * own what it does where the two differ. */
#pragma once

#include "core/below/peer.h"
#include "core/manager/audit.h"
#include "core/manager/deliveries.h"
#include "core/manager/enrol.h"
#include "message/id.h"

struct manager;
struct reader;
struct stream;

/* What a role does of its own. Each finds its role around the manager. */
struct manager_kind {
    const char *place; /* what a place is called: "cluster", "host" */
    const struct book_kind *books;

    /* The VM's state is another, and saved: counted, told. NULL: nothing to do. */
    void (*on_state)(struct manager *manager, struct book_vm *vm);

    /* The VM's place says that it has this now. */
    void (*on_facts)(struct manager *manager, struct book_vm *vm, const struct facts *facts);

    /* It says that the VM's IP addresses are others. NULL: nothing to do. */
    void (*on_ips)(struct manager *manager, struct book_vm *vm);

    /* It says what the VM has used. */
    void (*on_usage)(struct manager *manager, struct book_vm *vm, const struct usage *usage);

    /* What a reader was waiting for has come, or will not. */
    void (*on_reading)(struct manager *manager, const struct reader *reader,
                       const struct reading *reading);

    /* A stream is open, or ends: then with why, and it is gone when this returns. */
    void (*on_stream)(struct manager *manager, struct stream *stream, enum code code);

    /* Is it still to be, as far as who is above goes? */
    bool (*may_stream)(const struct manager *manager, const struct stream *stream);

    /* A VM that is to be gone, with nothing under way, is at its place no more. */
    void (*on_gone)(struct manager *manager, struct book_vm *vm);

    /* The VM becomes DELETING, by an operation of this level's own that is not instructed yet. */
    struct book_op *(*begin_deletion)(struct manager *manager, struct book_vm *vm);

    /* An operation is read from the store; if it is under way, it is its VM's active one. */
    void (*on_loaded)(struct manager *manager, struct book_op *op);

    /* Its place tells of the operation's step, which is noted. NULL: nothing to do. */
    void (*on_progress)(struct manager *manager, struct book_op *op, enum step step);

    /* A result ends the VM's active operation. */
    void (*on_result)(struct manager *manager, struct peer *peer, const struct result *result);

    /* The place is connected (again): what was under way there has been instructed again. */
    void (*on_opened)(struct manager *manager, struct peer *peer);

    /* Is the VM, whose place is lost, to be made to run elsewhere? NULL: none is. */
    bool (*owes)(const struct manager *manager, const struct book_vm *vm);

    /* It is: it runs nowhere, and is to be placed anew. False: it cannot be made anew yet. */
    bool (*recover)(struct manager *manager, struct book_vm *vm);

    /* The place has told its capacity. NULL: nothing to do. */
    void (*on_capacity)(struct manager *manager, struct peer *peer);
};

/* manager/streams.h */
struct stream_book {
    struct list all;
    interface_hash hash; /* as in role_settings */
    char url[limit_stream_url_size]; /* of our listener; "": there is none */
    char pin[limit_digest_size];
    uint64_t check_ms;   /* when it is looked again whether they are still to be */
};

struct manager {
    const struct manager_kind *kind;
    struct moment moment;
    struct own_incarnation own;
    struct book book;
    struct downlink downlink;
    struct enrol enrol;
    struct audit_book audit;
    struct deliveries deliveries; /* made by the role, which knows what is usual */
    struct id_maker ids;
    struct list evictions; /* manager/recover.h */
    struct list reads;     /* manager/reads.h */
    struct stream_book streams;
    struct prng prng; /* for all that is drawn here; seeded at the start */
    bool stopping;
    bool disk_full; /* that of the books: no new VM begins */
    bool deposed; /* a later manager by this name is heard by its places: it is not to act */
};

/* Before what has failed, or found no room, is tried again. */
enum { manager_pause_ms = 30000 };

void manager_init(struct manager *manager, const struct manager_kind *kind,
                  const struct role_settings *settings);
void manager_deinit(struct manager *manager);

/* The daemon's own row, and what is known of its places. */
void manager_load_incarnations(struct manager *manager, const struct record *record);

/* A start. False: the manager was deposed, which it says, and ends. */
bool manager_begin(struct manager *manager);

/* Has the disk of the books room? Those below are as before; those above are told another. */
void manager_on_disk(struct manager *manager, const struct event *event);

/* At the end of each step: what waits for peers goes out; or the manager is deposed, says so and
 * does nothing any more. */
void manager_on_end_of_step(struct manager *manager);

/* When something of the books or of the links is due next. */
uint64_t manager_deadline_ms(const struct manager *manager);
void manager_check(const struct manager *manager);
