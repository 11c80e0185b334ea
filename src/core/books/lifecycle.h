/* The life of a VM: which state may follow which, and which verb is legal in which state.
 * Two tables, the only truth about both; docs/operators-guide.md shows them. How far a verb goes
 * stands beside its name (message/model.c), how a host does it in core/agent/work.c.
 *
 *             define ok                 start / stop, the guest itself         pause / resume
 *   PENDING ------------> STOPPED <----------------------------> RUNNING <------------> PAUSED
 *      | define failed       |  ^ \__ start                      ^  | |                   |
 *      v                     |   CRASHED <---- stops unasked ----|--+ | suspend           |
 *   FAILED (settled: gone)   |                             start '- SUSPENDED <-----------'
 *                            | delete, from every state but the last two; stop, from each that
 *                            | is not STOPPED
 *                            v
 *                        DELETING --- its place confirms ---> DELETED (settled: gone)
 *   LOST: its host no longer has it; only delete leads on, or that it comes to the host again.
 *   What a PAUSED VM had in memory is gone when its host loses power: it is CRASHED then. */
#pragma once

#include "message/model.h"

/* The only writer of vm->state; asserts that the move is legal (staying is). */
void lifecycle_set_state(struct vm *vm, enum vm_state to, uint64_t wall_ms);
bool lifecycle_may_follow(enum vm_state from, enum vm_state to);

/* Is the verb legal for a VM in this state? (define: for no VM that exists.) */
bool lifecycle_permits(enum verb verb, enum vm_state state);

/* Does a host that is well have the VM, with its definition? */
bool lifecycle_is_made(enum vm_state state);

/* Has the VM a disk and a definition on a host (so that it counts against capacity)? */
bool lifecycle_occupies(enum vm_state state);
