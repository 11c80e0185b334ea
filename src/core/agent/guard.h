/* Which VMs of the host its warden guards, and until when they may run (EFFECT_GUARD). A VM that
 * runs by a lease is guarded from before it is made until it has gone; what the agent holds is
 * passed on at once, and only while the warden lives.
 *
 *   HELD --the lease is over: the warden freezes it--> FROZEN --a lease is heard--> HELD
 * While it stands still nothing is asked of its hypervisor: what is under way on it waits. */
#pragma once

#include "core/agent/vm.h"

/* It runs by one, and the lease is over, or so near its end that nothing is to be begun. */
bool agent_lacks_lease(const struct agent *agent, const struct book_vm *vm);

/* It is to be gone: it is not to go on before it is, whatever lease comes. */
void agent_guard_end(struct agent *agent, struct book_vm *vm);

/* All that are here, once it is known what is. */
void agent_guard_all(struct agent *agent);

/* Passes on what has been heard; false: no lease that lasts has become longer. */
bool agent_renew(struct agent *agent);

/* Runs it by a lease that lasts, as far as the warden was told? */
bool agent_is_renewed(const struct agent *agent, const struct book_vm *vm);

/* News of the warden. */
void agent_on_guard(struct agent *agent, const struct event *event);
