/* What was stored last, in the order of the commits: of which thing, not what. Whoever watches asks
 * the role for the thing itself. */
#pragma once

#include "core/effect.h"

/* What can be watched. */
enum watched {
    WATCHED_VM,
    WATCHED_OPERATION,
    WATCHED_IMAGE,
    WATCHED_CLUSTER,
    WATCHED_TENANT,
    WATCHED_RULE,
    WATCHED_COUNT,
};

struct watched_kind {
    const char *name;
    const struct table *stored;      /* the record whose change is one of it */
    enum request_kind list, show;
    size_t asker;                    /* where that record says whose it is; 0: it is nobody's */
};
extern const struct watched_kind watched_kinds[WATCHED_COUNT];

enum { notes_most = 8192 };

struct note {
    uint64_t number; /* of the store's changes since the start */
    enum watched kind;
    bool is_gone;
    bool is_counted; /* of a tenant: what its VMs use, not what it may */
    char key[limit_name_size];
    char asker[limit_name_size]; /* "": nobody's */
};

struct notes {
    struct note *ring; /* notes_most */
    uint64_t count;    /* ever */
    uint64_t told;     /* of them, those that are on disk */
    uint64_t number;   /* of the newest change that is on disk */
    uint64_t lost;     /* of the newest note that is no longer here */
};

void notes_init(struct notes *notes);
void notes_deinit(struct notes *notes);

/* EFFECT_SAVE or EFFECT_FORGET: it will be on disk. */
void notes_add(struct notes *notes, const struct effect *effect, uint64_t number);

/* All up to that number is. */
void notes_commit(struct notes *notes, uint64_t number);

/* The i-th note ever; those from notes_first to `told` are there. */
const struct note *notes_at(const struct notes *notes, uint64_t i);
uint64_t notes_first(const struct notes *notes);
