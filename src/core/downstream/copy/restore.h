/* VMs that are made from a copy when they are restarted, since their host was lost:
 *
 *   a copy is there --its host is lost--> the block store reads all of it: it is whole
 *                       --> its bucket is opened; its new host is instructed to fetch the copy from
 *                           there, and makes its disk of that
 *   it is not whole     --> it is put aside, and the next older one is read
 *   none is there, or left --> it waits for that host, which may be back with all of it
 *
 * What is made so is told with the age of its copy. That a host cannot make a disk of it may be
 * either's fault: the copy is read again before the next try. Once its old host was told that it is
 * to go elsewhere, it goes there: where the block store has lost all copies since, it waits, and is
 * never made from its image instead. */
#pragma once

#include "core/downstream/lending.h"

/* Is it to be made from a copy, while there is none? */
bool downstream_lacks_copy(const struct book_vm *vm);

/* Is it to be made from a copy that is not known to be whole? That is asked then, and recovery goes
 * on with the answer. */
bool downstream_awaits_proof(struct downstream *downstream, struct book_vm *vm);

/* Its active operation was to make it from a copy, and failed. */
void downstream_doubt_copy(struct downstream *downstream, struct book_vm *vm);

/* Its host is lost: from here on it is made from its newest copy, or from its image. */
void downstream_choose_source(struct book_vm *vm);

/* What its active operation, a definition, is to make it from is waited for: the copy, where it is
 * made from one, then the image. */
void downstream_await_source(struct downstream *downstream, struct book_vm *vm);

/* Those that the block store lacks count no longer, which is told. */
void downstream_put_copies_aside(struct downstream *downstream, struct book_vm *vm,
                                 const struct event_bucket *event);

/* The block store has opened the VM's bucket for that, or cannot. */
void downstream_on_source(struct downstream *downstream, struct book_vm *vm,
                          const struct event_bucket *event);

/* It has read the VM's copies, or cannot. */
void downstream_on_proof(struct downstream *downstream, struct book_vm *vm,
                         const struct event_bucket *event);
