/* Copies of VMs' disks. The cluster's block store, which is this manager's, takes a copy of a VM
 * from the host that has it, and keeps the newest (limit_copies):
 *
 *   asked for --> the bucket is opened --> the host is instructed, which reads and sends
 *             --> the host says that it is done --> the block store says that all of it is there
 *             --> it counts, and is told above; what is older than those that are kept goes
 *
 * A host's word alone makes no copy. What is kept is so by the books first and in the block store
 * then: what is listed is there, whatever is lost in between. Where a VM's place is a manager, that
 * one has the copies; its word of them is believed and passed on. */
#pragma once

#include "core/downstream/lending.h"

/* The VM's active operation, which is to copy it, begins. */
void downstream_copy(struct downstream *downstream, struct book_vm *vm);

/* It goes on where it was before the start. False: it waits for its host, as others do. */
bool downstream_resume_copy(struct downstream *downstream, struct book_vm *vm);

/* Its place says what has come of it. */
void downstream_on_copied(struct downstream *downstream, struct book_vm *vm,
                          const struct result *result);

/* The block store has done what was asked for, or cannot. */
void downstream_on_bucket(struct downstream *downstream, const struct event_bucket *event);

/* The VM's disk is another from here on. */
void downstream_forget_copies(struct downstream *downstream, struct book_vm *vm);
