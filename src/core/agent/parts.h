/* Between the pieces of the agent only. */
#pragma once

#include "core/agent/agent.h"

/* Starts a VM that its host's loss of power has ended. Nobody asked for it, so there is no
 * operation; until the host has answered the VM counts as running, as it is wanted. */
void agent_restart(struct agent *agent, struct book_vm *vm, struct effects *out);

/* Takes the active operation of `vm` to its next job, if none is under way. */
void agent_advance(struct agent *agent, struct book_vm *vm, const struct event *event,
                   struct effects *out);

/* A job of `vm` ended. */
void agent_on_job(struct agent *agent, const struct event *event, struct effects *out);

/* A domain was found or changed by itself. */
void agent_on_domain(struct agent *agent, const struct event *event, struct effects *out);

/* Deadlines of operations that wait for the guest or have not begun. */
void agent_on_deadline(struct agent *agent, struct book_op *op, const struct event *event,
                       struct effects *out);

/* A VM's state is another: written, counted, told. */
void agent_move(struct agent *agent, struct book_vm *vm, enum vm_state state,
                const struct event *event, struct effects *out);

void agent_tell_capacity(struct agent *agent, struct effects *out);
/* What the VM counts in; NULL: it does not. */
struct owner_limits *agent_used(struct agent *agent, const struct book_vm *vm);
bool agent_has_room(const struct agent *agent, const struct size *size);

/* Ends the operation and sends its result, capacity before it. */
void agent_end(struct agent *agent, struct book_op *op, enum code code,
               const struct event *event, struct effects *out);
