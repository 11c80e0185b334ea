/* The active operation of a VM goes to the VM's place: at once, when there is room and it is its
 * turn, and again until it is answered. */
#pragma once

#include "core/books/book.h"

struct downlink;
struct peer;

/* Sends the active operation of `vm` to the place where the VM is, if that is up and has room, and
 * schedules the next try. */
void downlink_instruct(struct downlink *downlink, struct book_vm *vm);

/* Instructs a place that is connected again: the wait for it stands in the timeline. */
void downlink_instruct_again(struct downlink *downlink, struct book_vm *vm);

/* What waits goes out, as far as there is room and it is its turn. */
void peer_resume(struct peer *peer);
