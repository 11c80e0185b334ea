/* What an operation of a VM does on the host: the stages of each verb, a job for each, and what
 * follows from a job's end, from the guest's own doing and from a deadline. */
#pragma once

#include "core/books/book.h"

struct agent;

/* Starts a VM that its host's loss of power has ended. Nobody asked for it, so there is no
 * operation; until the host has answered the VM counts as running, as it is wanted. */
void agent_restart(struct agent *agent, struct book_vm *vm);

/* Takes the active operation of `vm` to its next job, if none is under way. */
void agent_advance(struct agent *agent, struct book_vm *vm);

/* A job of `vm` ended. */
void agent_on_job(struct agent *agent, const struct event *event);

/* A domain was found or changed by itself. */
void agent_on_domain(struct agent *agent, const struct event *event);

/* Deadlines of operations that wait for the guest or have not begun. */
void agent_on_deadline(struct agent *agent, struct book_op *op);
