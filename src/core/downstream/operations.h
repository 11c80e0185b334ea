/* Operations of the downstream manager's own level: how one begins below without anybody above, is
 * instructed, and ends, with its result told up where it came from there. */
#pragma once

#include "core/books/book.h"

struct downstream;

/* Begins an operation of our own on a VM: nothing that is known of it above changes. */
struct book_op *downstream_begin_internal(struct downstream *downstream, struct book_vm *vm,
                                          enum verb verb);

/* Instructs the VM's place with its active operation, which is new to it. */
void downstream_instruct(struct downstream *downstream, struct book_vm *vm);

/* Ends an operation and sends its result up, capacity before it. */
void downstream_end(struct downstream *downstream, struct book_op *op, enum code code);

/* The VM goes out of the books if it is gone and nobody above has still to settle that. */
void downstream_bury(struct downstream *downstream, struct book_vm *vm);
