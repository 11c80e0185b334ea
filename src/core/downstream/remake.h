/* VMs that leave a host and are made anew on another one, from their template: define there,
 * delete here. */
#pragma once

#include "core/books/book.h"

struct downstream;

/* What the VM is made of is kept if it may be made anew elsewhere. */
void downstream_keep_template(struct downstream *downstream, struct book_vm *vm,
                              const struct definition *definition);

/* The VM was rebuilt: the first-boot data that this brought is what it is made from, too. */
void downstream_renew_template(struct downstream *downstream, struct book_vm *vm,
                               const struct definition *rebuilt);

/* The VM leaves its host; its operation from now on is always one of ours, until it has arrived
 * elsewhere. See moves.h. */
void downstream_leave(struct downstream *downstream, struct book_vm *vm);

/* A stored VM that is between two hosts, or has left something on one, is known as such. */
void downstream_load_move(struct downstream *downstream, struct book_vm *vm);

/* The VM is no more between two hosts; what is under way on it is the caller's to end. */
void downstream_end_move(struct downstream *downstream, struct book_vm *vm);

/* The VM is between two hosts from now on, at this point. */
void downstream_set_move(struct downstream *downstream, struct book_vm *vm, enum move move);

/* What the VM is made of, as it is now; the caller clears it. It has a template. */
void downstream_describe(const struct book_vm *vm, struct definition *out);

/* The next operation of ours on a VM that is made anew elsewhere; the one before has ended. */
void downstream_order(struct downstream *downstream, struct book_vm *vm, enum verb verb);
