/* What agents report of VMs and operations, judged the same way for both managers: is it of this
 * place, of this epoch, of the newest instruction? What becomes of it is the manager's own. */
#pragma once

#include "core/below/downlink.h"

/* The VM that a report is about if it stands at this peer with this epoch, otherwise NULL; with an
 * older epoch, too, where nothing is under way: its place had its books restored. A VM
 * that stood at a place of a name that is configured no more moves to the peer that has it: the
 * place was renamed. */
struct book_vm *downlink_reported(struct peer *peer, const struct vm_report *report);

/* Does the peer say what the VM has as of before it heard that it is to be reshaped? That may still
 * be on its way, though its operation has ended here; in another session it would never arrive. */
bool downlink_is_outdated(const struct peer *peer, const struct book_vm *vm,
                          uint64_t generation);

/* The VM's place has heard that it is to be reshaped, and may have refused: then the older
 * instruction is the newest. */
void downlink_mark_heard(const struct peer *peer, struct book_vm *vm, const struct facts *facts);

/* Is it sure that the VM's active operation has not come to its place and never will? */
bool downlink_never_came(const struct downlink *downlink, const struct book_vm *vm);

/* Was the VM in no piece of the table that the peer has just told whole? Then it is not there;
 * but one with an operation under way has that to answer for it. */
bool downlink_is_unreported(const struct peer *peer, const struct book_vm *vm);

/* The operation that the progress is of, its step noted (it is written with the next save) and
 * its reservation reflected; NULL: it is none of this peer's. */
struct book_op *downlink_progress(struct peer *peer, const struct progress *progress);

enum downlink_outcome {
    OUTCOME_FOREIGN, /* of another place, or a newer operation has still to answer for the VM */
    OUTCOME_LATE,    /* nothing is under way any more; the VM's state is true all the same */
    OUTCOME_ENDS,    /* of the VM's active operation */
};

/* Settles the result toward the peer and says what it is worth. A failed step is noted. */
enum downlink_outcome downlink_result(struct peer *peer, const struct result *result);

/* Did the place undo what it was to make, so that nothing is left there? */
bool downlink_is_undone(const struct result *result);

/* The result's code, as far as a place that contradicts itself can be believed: a VM that is said
 * to be made must be in a state that such a VM has. */
enum code downlink_code(enum verb verb, const struct result *result);
