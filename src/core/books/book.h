/* The books of a role: its VMs and operations, with what the core needs to find and time them.
 * Every role keeps one; upstream, downstream and agent differ in what they do with it.
 *
 * Per VM at most one operation is under way (`active`); an ended operation stays until the level
 * above has settled it (agents' end) or until it is pruned (upstream). Everything here is
 * written through: each function that changes a record appends the SAVE or FORGET. */
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "base/prng.h"
#include "core/moment.h"
#include "message/records/metrics.h"
#include "message/owner.h"

#define book_never UINT64_MAX

struct book_op;

/* What the books hold of a VM. A role that needs more of it embeds this first in a struct of its
 * own and says so in its struct book_kind. */
struct book_vm {
    union {
        struct stored_vm stored;
        struct vm record; /* its first member: what is told above */
    };
    struct list by_age;   /* in book.vms */
    struct list by_place; /* managers: in the list of the place where it is, or waits to be */
    struct list by_group; /* in book_group.vms; to itself without a group */
    struct book_op *active;
    uint32_t sync_round;  /* managers: seen in this round of a sync */
    bool counted;         /* its size is in the sum of what its asker uses */
    uint64_t asked_in;    /* managers: the session of a word to reshape it that may be on its way */
    uint64_t asked;       /* managers: that word's generation */
    uint64_t heard_in;    /* managers: the session in which its place has told what it has, and
                           * nothing was sent since that reshapes it */
};

struct book_op {
    struct operation record;
    struct list by_age;   /* in book.ops */
    struct list by_room;  /* in the one list of what it waits for: room, a turn, an image */
    struct timer timer;   /* the earliest of the times below */
    uint64_t deadline_ms; /* all monotonic; book_never: not waiting for it */
    uint64_t resend_ms;
    uint64_t progress_ms;
    uint32_t attempts;    /* of sending */
    bool loaded;          /* it was begun before the start, and may have been sent then */
    struct list by_untold; /* agents' end: in book.untold */
    enum step told;       /* agents' end: newest step that was told upward */
    struct size reserved; /* managers: at its place, whose capacity does not count it yet */
    enum decider decider; /* managers: who is about to end it */
    uint32_t tried_count; /* managers: places that refused it, as its timeline says */
    uint16_t tried[limit_refusals];
};

struct book;

/* What a role adds to the entries. Functions may be NULL. */
struct book_kind {
    size_t vm_size, op_size;             /* of the role's entries, which begin with the book's */
    void (*vm_begins)(struct book *book, struct book_vm *vm); /* what is not zero at first */
    void (*vm_ends)(struct book *book, struct book_vm *vm); /* out of the role's lists and store */
    void (*vm_saved)(struct book *book, struct book_vm *vm); /* something of it is another */
    void (*vm_free)(struct book_vm *vm); /* what the role's part owns */
    void (*op_begins)(struct book_op *op);
    void (*op_ends)(struct book_op *op);
};

/* Where a walk over the VMs is to go on in a later step; VMs may go meanwhile. */
struct book_cursor {
    struct list node; /* in book.cursors while it walks */
    struct list *next; /* book_vm.by_age, or the head: at the end */
};

/* The VMs of one asker that name the same group; gone with the last of them. */
struct book_group {
    char key[2 * limit_name_size]; /* "asker/group" */
    struct list vms;               /* book_vm.by_group */
};

/* What of operations ended, since the start. */
struct book_ended {
    uint64_t done[VERB_COUNT], failed[VERB_COUNT];
    struct metric_histogram lasted;
};

struct book {
    const struct book_kind *kind;
    struct moment *moment; /* its role's */
    struct map vms_by_id, ops_by_id, groups_by_key;
    struct list vms, ops, cursors;
    struct list untold; /* agents' end: of which capacity may be the first to tell */
    uint64_t vms_count, ops_count;
    struct heap timers;
    struct map kept_by_id; /* ended operations that are out of the books, for whoever asks */
    struct list kept;      /* the operations of kept_by_id, the oldest first; not stored */
    size_t kept_most;      /* 0: none are kept */
    struct book_ended ended;
};

/* `kind` NULL: the entries are those above and no more. */
void book_init(struct book *book, const struct book_kind *kind, uint64_t seed,
               struct moment *moment);
void book_deinit(struct book *book);

struct book_vm *book_vm(const struct book *book, const char *id);
struct book_op *book_op(const struct book *book, const char *id);
bool book_op_has_ended(const struct book_op *op);

/* Managers: the place that the VM's active operation is for; without one, that where it is. */
const char *book_asked_place(const struct book_vm *vm);

/* Downstream: where the VM migrates to, or that may have a rest of it; "" and NULL: nowhere. */
const char *book_destination(const struct book_vm *vm);
void book_set_destination(struct book_vm *vm, const char *name);

/* Is the VM made from this image, or does its operation under way make it from that? */
bool book_vm_needs_image(const struct book_vm *vm, const char *digest);

/* The operation, in the books or of those that are kept; NULL: not known. */
const struct book_op *book_op_told(const struct book *book, const char *id);

/* Adds a copy of a record; it is not saved (it may come from the store). */
struct book_vm *book_add_vm(struct book *book, const struct stored_vm *record);
struct book_op *book_add_op(struct book *book, const struct operation *record);

/* The VM belongs to the group that its record names now. */
void book_join(struct book *book, struct book_vm *vm);

/* NULL: nobody is in it. */
const struct book_group *book_group(const struct book *book, const char *asker,
                                    const char *group);

/* Removes and forgets. A VM must have no active operation; its ended ones stay. Of operations that
 * have ended, the newest `kept_most` can still be asked for. */
void book_remove_vm(struct book *book, struct book_vm *vm);
void book_remove_op(struct book *book, struct book_op *op);

/* Takes an operation that has ended out of memory; its record stays in the store. */
void book_archive_op(struct book *book, struct book_op *op);

/* Begins an operation on `vm`: it becomes active, its timeline starts, both records are saved.
 * record->id, verb, generation, deadline_ms, definition are the caller's. */
struct book_op *book_begin(struct book *book, struct book_vm *vm, const struct operation *record);

/* Adds what happened to the timeline, its place copied, and moves the operation's step. False:
 * that was told already since it last waited or was refused, or there is no room. There always is
 * for refusals, by which nobody is asked twice, and for the end. book_save_op writes it. */
bool book_tell(struct book_op *op, const struct timeline_entry *entry);

/* Adds a step of this level's own to the timeline. */
void book_step(struct book_op *op, enum step step, uint64_t wall_ms);

/* The true end: state, code, failed step, timeline; the VM's outcome; both saved. */
void book_end(struct book *book, struct book_op *op, enum code code);

void book_save_vm(struct book *book, struct book_vm *vm);
/* What went wrong, in words that its owner may read; "": no more is known than before. */
void book_say_why(struct book_op *op, const char *why);

void book_save_op(struct book *book, struct book_op *op);

/* Takes the reservation from an operation (or NULL) that is superseded, for the one that follows:
 * the place will count the VM, or not, only once it has heard of that. */
struct size book_take_reserved(struct book_op *op);

/* Writes an operation (or NULL) that has told of progress, if it is one that goes on for long: of
 * others, what a crash takes is not worth a commit. */
void book_save_long(struct book *book, struct book_op *op);

/* Puts the operation's timer to the earliest of its times. */
void book_schedule(struct book *book, struct book_op *op);

/* The monotonic deadline of a loaded operation, from the stored wall clock's; never longer than
 * from its creation, so that a clock that jumped cannot stretch it. */
uint64_t book_deadline_ms(const struct book *book, const struct operation *record);

/* The wait before the next sending: 1 s, 2 s, … 60 s, with a fifth of jitter. */
uint64_t book_backoff_ms(uint32_t attempts, struct prng *prng);

/* Asserts that the indices and the records agree. */
void book_check(const struct book *book);

/* Asserts it of what a step has saved alone, for books that are too long to be walked each time. */
void book_check_saved(const struct book *book, const struct effects *effects);
