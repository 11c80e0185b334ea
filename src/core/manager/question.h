/* What a VM's place was asked that it answers by a message: by a number of this level's own, within
 * a share of whoever asks, and until when. Nothing of it is stored: a start forgets it, and its
 * numbers are no later start's. */
#pragma once

#include "core/manager/manager.h"

struct question {
    struct list node;
    uint64_t number;
    struct peer *peer;
    uint64_t session; /* of the peer, in which it was asked */
    uint64_t due_ms;
    char asker[limit_name_size];
    char vm[limit_id_size];
    uint32_t epoch;   /* of the VM at the peer */
};

/* A kind of question. How many of it may be under way at a time; 0: as many as there are. */
struct question_kind {
    uint32_t version;    /* of the protocol, from which on a place knows it */
    uint64_t within_ms;  /* of which it is to be answered */
    struct list *all;    /* question.node of those that are under way */
    uint32_t of_asker, of_asker_at_peer, of_vm, of_peer, most;
};

/* May the VM's place be asked one more? */
enum code question_refusal(const struct manager *manager, const struct book_vm *vm,
                           const struct question_kind *kind);

/* Of a VM whose place may be asked. */
void question_begin(struct manager *manager, const struct book_vm *vm,
                    const struct question_kind *kind, struct question *out);

/* Is the place there as it was when it was asked? */
bool question_is_heard(const struct question *asked);

uint64_t question_deadline_ms(const struct list *all); /* the earliest, or book_never */
