/* Frames of places: what each tells of its VMs and operations becomes true in the manager's books,
 * the same way for clusters and hosts; what follows from it is the role's (struct manager_kind). */
#pragma once

#include "core/manager/manager.h"

/* A frame of one of the places. */
void manager_on_frame(struct manager *manager, struct peer *peer, const struct event *event);

/* What the VM's place says of its state becomes true, but for what is decided already: a VM that
 * is being made is pending until the result, one to be gone is deleting until it is gone. */
void manager_learn_state(struct manager *manager, struct book_vm *vm, enum vm_state state);
