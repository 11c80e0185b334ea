/* Copies of a VM's disk, as managers keep them in their books. A copy's age counts from when it was
 * asked for: its data is as it was then, or later, whatever a host or a clock elsewhere says. */
#pragma once

#include "core/books/book.h"
#include "message/protocol.h"

/* One that is whole. The oldest goes where there are too many. */
void copies_add(struct vm *vm, const struct copy *copy);

/* None is there any more, or none that can be reached. */
void copies_drop(struct vm *vm);

/* That one is not whole any more. */
void copies_put_aside(struct vm *vm, const char *root);

/* The VM is made anew elsewhere: those that its place had are that one's, and go with it. */
void copies_leave(struct vm *vm);

/* How old it is. */
uint64_t copies_ago_ms(uint64_t made_ms, uint64_t wall_ms);

/* The one that the VM's disk can be made from here; NULL: there is none, or it is of a disk of
 * another image. */
const struct copy *copies_newest(const struct vm *vm);

/* It is to be made from a copy as its host is lost, and none is left, here or below. */
bool copies_are_lacking(const struct book_vm *vm);

/* What is told of them above goes into the facts, which own it. `late_ms` is how long it may be on
 * its way: nothing is newer for that. */
void copies_tell(const struct vm *vm, uint64_t wall_ms, uint64_t late_ms, struct facts *out);

/* Believes the place. False: nothing is new. */
bool copies_learn(struct vm *vm, const struct facts *facts, uint64_t wall_ms);
