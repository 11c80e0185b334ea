/* The downstream manager's record of itself and of each lending: an upstream manager that
 * it serves, what its owner lends it and what it uses. Here is what the other files ask of both;
 * nothing here instructs a host. */
#pragma once

#include "core/above/speak.h"
#include "core/manager/manager.h"
#include "message/records/interface.h"


/* One upstream manager, what the cluster's owner lends it and what it uses. */
struct lending {
    struct uplink uplink;
    struct amounts limits;      /* 0: none */
    struct amounts configured, used;
    struct amounts shown;       /* of it, what the others' sight of the cluster was made by */
    enum origin from;           /* whether the owner has set other limits than configured */
    struct permissions permissions, permissions_configured;
    enum origin permissions_from;
    struct share share, share_configured;
    enum origin share_from;
    uint64_t known;             /* its VMs in the books */
    uint32_t under_way;         /* operations that it asked for and that have not ended */
    enum lending_phase phase;
    uint64_t revoked_ms, ends_ms; /* wall */
    uint64_t phase_due_ms;      /* monotonic: when the phase is looked at next; book_never */
    uint64_t uncounted;         /* catalogues that it brought and that found no room */
    struct book_cursor usage;   /* over its VMs, whose use is told in turns */
    uint64_t usage_session;     /* of the uplink, in which that goes on */
    uint64_t usage_due_ms;
    bool was_open;              /* its session, when last looked at */
    uint64_t away_ms;           /* monotonic: from when on it counts as away; 0: it does not */
    bool is_told_away;          /* the owner's contacts were told so */
    uint64_t seen_ms;           /* when `was_open` changed, by the wall clock */
};

/* When a VM's disk is copied without a word of anybody (copy/schedule.h). */
struct copying {
    struct timer timer;  /* in downstream.copies: when it is looked at next */
    struct list by_turn; /* in downstream.copies_due or .copies_under_way */
    uint64_t due_ms;     /* when the next copy is due; 0: not known yet */
    uint64_t newest;     /* number of the newest copy, when last looked at */
    uint32_t every_s;    /* and what was wanted then */
    uint32_t failures;   /* one after the other */
    bool is_under_way, is_scheduled;
};

/* What a VM's place has told since that was told above. */
enum { USAGE_KINDS = 6 };
struct usage_sum {
    uint64_t sums[USAGE_KINDS]; /* in the order of struct usage */
    uint32_t count, turns;      /* turns: in which it ran, one after the other */
};

struct downstream_vm {
    struct book_vm base;
    struct copying copying;
    struct instruct *held; /* it waits for the end of a copy; NULL: nothing does */
    uint64_t held_ms;      /* since when */
    struct list by_held;   /* in downstream.held */
    struct usage_sum usage;
    struct timer sign;   /* in downstream.signs: when it is told above whether it is heard of */
    struct list by_move; /* in downstream.moving or .rests: something of it is on two hosts */
    enum stay stays;     /* why it is on a host that is to be empty */
    uint64_t failed_ms;  /* when leaving such a host failed while it ran; 0: never */
    uint32_t failures;   /* how often in a row */
    bool told_lacking;   /* that it waits for its lost host, since there is no copy of it */
    bool proving;        /* the block store reads its copies, and has not answered */
    char proven[limit_digest_size]; /* root of the copy that it has found whole; "": none */
    struct template *template; /* it may be made anew from this; NULL: it may not */
};

struct downstream_op {
    struct book_op base;
    bool counted; /* in what its upstream manager has under way */
};

static inline struct downstream_vm *downstream_vm(const struct book_vm *vm) {
    return container_of(vm, struct downstream_vm, base);
}

static inline struct downstream_op *downstream_op(const struct book_op *op) {
    return container_of(op, struct downstream_op, base);
}

struct downstream {
    struct manager manager;
    struct lending *lendings;
    size_t lendings_count;
    uint32_t backlog, vms_most;
    struct list waiting; /* book_vm.by_place of those that wait for their image */
    struct list moving;  /* downstream_vm.by_move of those that are between two hosts */
    struct list rests;   /* downstream_vm.by_move of those that left something on another */
    struct heap signs;   /* downstream_vm.sign */
    struct heap copies;  /* downstream_vm.copying.timer */
    struct list copies_due, copies_under_way; /* downstream_vm.copying.by_turn */
    uint64_t copies_turn_ms; /* when one of those that are due may be begun; book_never */
    struct list held;    /* downstream_vm.by_held */
    bool mails;          /* mail can be sent */
    bool *hosts_away;    /* by index in the downlink: the owner's contacts were told so, or knew */
    uint64_t spread;     /* a key that nobody else knows */
    uint64_t drain_due_ms; /* when hosts that are to be empty are looked at next; book_never */
    struct list rebuilds; /* book_op.by_room of those that do at their place */
    interface_hash hash;  /* as in role_settings */
};

/* Looks again soon at the hosts that are to be empty, if there are any. */
void downstream_drain_soon(struct downstream *downstream);
/* The VM is between two hosts, and no host's capacity counts it: what it will take. */
bool downstream_is_homeless(const struct book_vm *vm);
bool downstream_allows_shape(const struct lending *lending, const struct shape *shape);

/* What waits for the end of a copy of the VM, waits no more. */
void downstream_unhold(struct book_vm *vm);

struct lending *downstream_lending(const struct downstream *downstream, const char *name);

/* After a change of state: the VM's size is in what its asker uses, or no longer. */
void downstream_count(struct downstream *downstream, struct book_vm *vm);

/* What the VM counts in; NULL: it does not. */
struct amounts *downstream_used(struct downstream *downstream, const struct book_vm *vm);

/* Asks for the image of the VM's operation; it goes on when that is here. */
void downstream_await_image(struct downstream *downstream, struct lending *lending,
                            struct book_vm *vm);

/* Is it what this VM, made from `digest`, waits for? An image that one upstream manager has
 * delivered is not there for another. */
bool downstream_is_for(const struct downstream *downstream, const struct book_vm *vm,
                       const char *digest, const struct event_image *image);

/* Has the hosts count fits for this size, too. False: the catalogue is full. */
bool downstream_learn_size(struct downstream *downstream, const struct size *size);

/* Has them count fits for all shapes of a lending. Each lending has an equal share of the catalogue
 * for sure, and what others do not need; what nobody has any more makes room. The first shape that
 * finds none, or NULL. */
const struct shape *downstream_learn_shapes(struct downstream *downstream,
                                            const struct lending *lending);

/* What is told of its VMs is as the owner permits now; what it was told before it forgets. */
void lending_apply_views(struct lending *lending);

bool lending_shows_log(const struct lending *lending);

/* The answer to what its manager wanted to read, as the owner permits now. */
void downstream_on_reading(struct manager *manager, const struct reader *reader,
                           const struct reading *reading);

/* A stream that its manager wanted is open, or ends. */
void downstream_on_stream(struct manager *manager, struct stream *stream, enum code code);
bool downstream_may_stream(const struct manager *manager, const struct stream *stream);

bool lending_lets(const struct lending *lending, const struct open *open); /* have the stream */

/* By the owner's permissions. */
bool lending_has_shape(const struct lending *lending, const struct shape *shape);

/* What the VM may be made anew from, a copy; NULL: it may not be. Not saved. */
void downstream_set_template(struct book_vm *vm, const struct template *template);
