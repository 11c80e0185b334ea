/* Instructions from the manager above: judged against the books, begun, answered. The books of an
 * agent's end (an agent, or a downstream manager toward one upstream manager) are told from here:
 * states, progress, results until they are settled, and the whole table. */
#pragma once

#include "core/books/book.h"

struct uplink;

/* Results and the table go on, once uplink_resumes(), after refusals and the capacity. */
void uplink_resume(struct uplink *uplink);

/* How a fresh instruction stands against what is known of its VM. */
enum uplink_judgement {
    UPLINK_NEW,
    UPLINK_UNDER_WAY, /* a repeat: nothing to do */
    UPLINK_ANSWERED,  /* a repeat: say the stored result again */
    UPLINK_REFUSED,   /* say *out_code */
};

/* `asker`: the manager above, by its name. *out_code: of a refusal. */
enum uplink_judgement uplink_judge(const struct book *book, const char *asker,
                                   const struct instruct *instruct, enum code *out_code);

/* Begins the instruction's operation: a new VM for define, otherwise on `vm`, whose active
 * operation, if any, is superseded (only delete may). */
struct book_op *uplink_begin(struct book *book, const char *asker, const struct instruct *instruct);

/* Sends the VM's state, and whether it is heard of. */
void uplink_send_vm(struct uplink *uplink, const struct book_vm *vm);

/* Sends the VM's state with what it has, which changed without an instruction's end to tell. */
void uplink_send_facts(struct uplink *uplink, const struct book_vm *vm);

/* The operation has ended: its result is sent by the next tick, with those of all that ended in
 * this turn, behind one capacity that counts them. */
void uplink_result_due(struct uplink *uplink, struct book_op *op);

/* Sends the result of an ended operation and schedules the next try. */
void uplink_send_result(struct uplink *uplink, struct book_op *op);

/* The answer to an instruction that leaves no trace here. vm NULL: it has no such VM here. */
void uplink_refuse(struct uplink *uplink, const struct instruct *instruct, enum code code,
                   const struct book_vm *vm);

/* The answer to an instruction that its owner does not allow because of this word of it. */
void uplink_forbid(struct uplink *uplink, const struct instruct *instruct, enum obstacle obstacle,
                   const struct book_vm *vm);

/* All results that the manager above has not settled. */
void uplink_send_results(struct uplink *uplink);

/* The VM table once more if it has changed since the hello: such a change found no session. */
void uplink_send_missed(struct uplink *uplink);

/* The whole table of its VMs, in pieces, as the session has room for them; answer to sync. */
void uplink_send_table(struct uplink *uplink);

/* Settled: forgets the ended operation, and the VM if it is gone. */
void uplink_on_settled(struct book *book, const char *asker, const char *op_id);
