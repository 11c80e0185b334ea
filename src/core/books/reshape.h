/* What changes a VM that stays where it is: its size (resize), its disk (rebuild, revert), its
 * snapshots, its network interfaces and its rules (allow). Used by all three roles alike.
 *
 * The books of a resize from S to N: from its acceptance on, a level sets the larger of both aside,
 * processor by processor and GiB by GiB (record.size), so that whatever becomes of it, nothing is
 * promised twice; a manager reserves the growth at the place until that counts it itself. It ends
 * with what the place says the VM has. Where nobody can say (a deadline, a host that is gone), the
 * larger stays set aside until a result or the place's table tells the truth; that never makes
 * more of a VM than was set aside (law 3). What has never come to the place by its deadline has
 * changed nothing: S it is.
 *
 * The image, snapshots and interfaces of a VM are what its host says; they take nothing from
 * anybody. Of a change of interfaces all of them are told, as they are to be. */
#pragma once

#include "core/books/book.h"

bool size_is_zero(const struct size *size);
struct size size_larger(const struct size *left, const struct size *right);
struct size size_growth(const struct size *from, const struct size *to);

/* Do results of this verb tell what the VM has? */
bool reshape_tells(enum verb verb);

/* CODE_OK, or why the verb's arguments are not possible for this VM, whatever room there is. */
enum code reshape_refusal(const struct vm *vm, const struct operation *op);

/* What a resize takes that the VM does not have yet. */
struct size reshape_growth(const struct vm *vm, const struct operation *op);

/* The VM's active resize is accepted: sets the larger of both sizes aside. `used` is what the VM
 * counts in, NULL where it does not. */
void reshape_hold(struct book_vm *vm, struct amounts *used);

/* The active resize ends, and what the VM has is op.was; nothing where it held nothing. */
void reshape_settle(struct book_vm *vm, enum code code, struct amounts *used);

/* What is told of the VM above, as the message holds it; the caller clears it. Of one that is being
 * resized the larger of both sizes: whoever has given that up already must not take it for less. */
struct facts reshape_facts(const struct book_vm *vm);

/* Believes the place. False: nothing is new. */
bool reshape_learn(struct book_vm *vm, const struct facts *facts, struct amounts *used,
                   uint64_t wall_ms);

/* It has interfaces in these networks now (records/interface.h). */
void reshape_connect(struct vm *vm, const char *networks);

/* It is taken in again, with the networks that its place tells; "": it does not tell them. Points
 * to them. */
void reshape_take_in(struct stored_vm *record, const char *told);

/* Ends a change at a manager, whose place has told the result. */
void reshape_conclude(struct book_vm *vm, const struct result *result,
                      struct amounts *used);

/* The VM's disk was made anew from this image: no snapshot is left. */
void reshape_rebuilt(struct vm *vm, const char *digest);

/* Its guest was made anew, with the name that the definition has. Below the manager that people
 * give names at, which has the newest one already. */
void reshape_rename(struct vm *vm, const struct definition *rebuilt);

/* What it had is lost: it is made from its image again, of this size. */
void reshape_make_anew(struct book_vm *vm, const struct size *size, struct amounts *used);

/* Are these rules the same? NULL: anybody. */
bool reshape_same_rules(const char *left, const char *right);

/* Who may begin to speak to it is this from here on. */
void reshape_allow(struct vm *vm, const char *allow);

void reshape_add_snapshot(struct vm *vm, const struct snapshot *snapshot);
void reshape_drop_snapshot(struct vm *vm, const char *name);

/* NULL: there is none of this name. */
const struct snapshot *reshape_snapshot(const struct vm *vm, const char *name);
