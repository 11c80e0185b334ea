/* What both managers do with a VM and its operations, whoever wants it: another state, a deletion
 * of their own, what they read from the store. */
#pragma once

#include "core/manager/manager.h"

/* The VM's state becomes another, if it may follow: saved, then the role's on_state(). */
void manager_set_state(struct manager *manager, struct book_vm *vm, enum vm_state state);

/* Begins the internal deletion of a VM that is to be gone but has no operation under way; its
 * instruction goes out at once, or after a pause where one has just failed. */
enum undo { UNDO_NOW, UNDO_LATER };
void manager_undo(struct manager *manager, struct book_vm *vm, enum undo when);

/* A stored VM stands at its place again; a stored operation goes on where it was. */
struct book_vm *manager_load_vm(struct manager *manager, const struct stored_vm *record);
void manager_load_op(struct manager *manager, const struct operation *record);
