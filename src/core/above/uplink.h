/* The agent's end of a link to a manager: the session it opens and keeps, the capacity it shows,
 * the instructions it judges and the results it repeats until they are settled. The agent has it
 * toward its manager, the downstream manager toward each upstream: from above both look alike. */
#pragma once

#include "core/books/book.h"
#include "core/link/pins.h"
#include "core/role.h"
#include "core/link/session.h"

struct uplink {
    struct peer_setting setting;
    struct session session;
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
    bool starved;             /* something found the session full */
    bool sends, receives;     /* of a host: said in hello */
    bool missed;              /* ... a VM's change: the table is told again */
    bool table_begins;
    struct book_cursor table; /* of the VM table while that is being told */
    struct list waiting;      /* book_op.by_room: results that found it full */
    struct list refusals;     /* likewise: in no books; limit_session_messages at the most */
    size_t refusals_count;
    char next_key[limit_public_key_size]; /* that we are changing to, or "" */
    bool told_key;            /* in this session */
    char *manager_key;        /* that the manager is changing to, or NULL */
    struct prng prng;
};

void uplink_init(struct uplink *uplink, const struct peer_setting *setting,
                 const struct role_settings *role, struct prng *prng);
void uplink_deinit(struct uplink *uplink);
bool uplink_is_open(const struct uplink *uplink);
struct pinned_peer uplink_pinned(struct uplink *uplink); /* its manager */

/* Connection and presence. */
void uplink_on_presence(struct uplink *uplink, const struct event *event);

/* Says hello (with the digest of its VMs in `book`), beats, ends silent sessions. Call on every
 * tick, and after events that may have made a hello due. */
void uplink_tick(struct uplink *uplink, const struct book *book, const struct event *event,
                 struct effects *out);
uint64_t uplink_deadline_ms(const struct uplink *uplink);

/* We are changing our key, or have: the manager is told at the next uplink_tick in a session. */
void uplink_on_rekey(struct uplink *uplink, const struct event *event);

/* Judges a frame. True: its messages are for the role, through uplink_on_message. */
bool uplink_on_frame(struct uplink *uplink, const struct event *event, struct effects *out);

enum uplink_news {
    UPLINK_HANDLED,
    UPLINK_OPENED,   /* welcome: tell capacity and unsettled results */
    UPLINK_CATALOGUE, /* welcome again: other shapes, tell capacity */
    UPLINK_MESSAGE,  /* instruct, sync, settled: the role's */
};
enum uplink_news uplink_on_message(struct uplink *uplink, const struct message *message,
                                   const struct event *event, struct effects *out);

/* False: what is to be said has to wait in the books, for room or for the next session. */
bool uplink_has_room(struct uplink *uplink);

/* Takes a refusal, which waits for room. It is lost with the session, or where too many wait: then
 * the instruction is repeated. What is asked again is judged anew: its refusal waits no more. */
void uplink_send_refusal(struct uplink *uplink, struct message *message, struct effects *out);
void uplink_resume_refusals(struct uplink *uplink, struct effects *out);
void uplink_forget_refusal(struct uplink *uplink, const char *op);

/* Says and hears nothing any more, until it is opened again. */
void uplink_shut(struct uplink *uplink);
void uplink_unshut(struct uplink *uplink, const struct event *event);

/* Moves the message into a SEND if the session is open and has room; otherwise drops it: what
 * matters is told again when it opens, or when uplink_resumes(). */
void uplink_send(struct uplink *uplink, struct message *message, struct effects *out);

/* Was the session full, and has it room again? Then tell the capacity, and resume. */
bool uplink_resumes(const struct uplink *uplink);
void uplink_resume(struct uplink *uplink, struct book *book, const struct event *event,
                   struct effects *out);

/* The capacity has (perhaps) changed: it is told after a short gathering, or before the next
 * progress or result. */
void uplink_capacity_changed(struct uplink *uplink, const struct event *event);

/* Tells `now` if it differs from what was told, and which definitions of `book` it counts: in one
 * frame, so that the manager reserves for each until it is counted, and not a moment longer.
 * Takes what it owns. */
void uplink_tell_capacity(struct uplink *uplink, struct book *book, struct capacity *now,
                          struct effects *out);

/* How a fresh instruction stands against what is known of its VM. */
enum uplink_judgement {
    UPLINK_NEW,
    UPLINK_UNDER_WAY, /* a repeat: nothing to do */
    UPLINK_ANSWERED,  /* a repeat: say the stored result again */
    UPLINK_REFUSED,   /* say *out_code */
};
enum uplink_judgement uplink_judge(const struct book *book, const char *owner,
                                   const struct instruct *instruct, enum code *out_code);

/* Begins the instruction's operation: a new VM for define, otherwise on `vm`, whose active
 * operation, if any, is superseded (only delete may). */
struct book_op *uplink_begin(struct book *book, const char *owner,
                             const struct instruct *instruct, const struct event *event,
                             struct effects *out);

/* Nothing was told of it in this session: after its begin, its loading, a new session. */
void uplink_is_untold(struct book *book, struct book_op *op);

void uplink_send_vm(struct uplink *uplink, const struct vm *vm, struct effects *out);

/* The same with what it has, which changed without an instruction's end to tell of it. */
void uplink_send_facts(struct uplink *uplink, const struct book_vm *vm, struct effects *out);
void uplink_send_progress(struct uplink *uplink, struct book_op *op, enum step step,
                          struct effects *out);

/* Sends the result of an ended operation and schedules the next try. */
void uplink_send_result(struct uplink *uplink, struct book *book, struct book_op *op,
                        const struct event *event, struct effects *out);

/* The answer to an instruction that leaves no trace here. vm NULL: it has no such VM here. */
void uplink_refuse(struct uplink *uplink, const struct instruct *instruct, enum code code,
                   const struct book_vm *vm, struct effects *out);

/* All results of `owner` that are not settled. */
void uplink_send_results(struct uplink *uplink, struct book *book, const struct event *event,
                         struct effects *out);

/* The VM table once more if it has changed since the hello: such a change found no session. */
void uplink_send_missed(struct uplink *uplink, struct book *book, struct effects *out);

/* The whole VM table of `owner`, in pieces, as the session has room for them; answer to sync. */
void uplink_send_table(struct uplink *uplink, struct book *book, struct effects *out);

/* Settled: forgets the ended operation, and the VM if it is gone. */
void uplink_on_settled(struct book *book, const char *owner, const char *op,
                       struct effects *out);

void uplink_check(const struct uplink *uplink);

/* Of what both ends know of a VM; epoch and generation as they are counted between them. */
uint64_t uplink_vm_digest(const struct vm *vm, uint32_t epoch, uint64_t generation);
uint64_t uplink_digest(const struct uplink *uplink, const struct book *book);
