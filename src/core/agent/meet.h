/* Domains of ours that the books do not have: the store was lost, or is an older one. What each of
 * them has is asked of the host, and it stands in the books again before the agent says anything.
 * So its manager finds it where it is, or is told of one that it does not know. */
#pragma once

#include "core/agent/vm.h"

/* Is it not in the books (NULL), or was the agent killed before it knew what it has? */
bool agent_is_to_meet(const struct book_vm *vm);

/* A scan has found the domain; what it has will come by the end of a job. */
void agent_meet(struct agent *agent, struct book_vm *vm, const struct event_domain *domain);

/* News of it before that. */
void agent_on_met_domain(struct agent *agent, struct book_vm *vm,
                         const struct event_domain *domain);

/* The job's end. */
void agent_on_met(struct agent *agent, struct book_vm *vm, const struct event_job *job);
