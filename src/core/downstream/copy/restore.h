/* VMs that are made from a copy when they are restarted, since their host was lost:
 *
 *   a copy is there --its host is lost--> its bucket is opened; its new host is instructed to fetch
 *                                         the copy from there, and makes its disk of that
 *   none is there   --its host is lost--> it waits for that host, which may be back with all of it
 *
 * What is made so is told with the age of its copy. Once its old host was told that it is to go
 * elsewhere, it goes there: where the block store has lost all copies since, it waits, and is never
 * made from its image instead. */
#pragma once

#include "core/downstream/lending.h"

/* Is it to be made from a copy, while there is none? */
bool downstream_lacks_copy(const struct book_vm *vm);

/* Its host is lost: from here on it is made from its newest copy, or from its image. */
void downstream_choose_source(struct book_vm *vm);

/* What its active operation, a definition, is to make it from is waited for: the copy, where it is
 * made from one, then the image. */
void downstream_await_source(struct downstream *downstream, struct book_vm *vm);

/* The block store has opened the VM's bucket for that, or cannot. */
void downstream_on_source(struct downstream *downstream, struct book_vm *vm,
                          const struct event_bucket *event);
