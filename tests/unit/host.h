/* An agent on the workbench, with one manager above it, connected. */
#pragma once

#include "cluster.h"

extern struct far *manager;

/* A host with 4 processors, 4 GiB and 50 GiB. `networks` may be NULL. */
void host_open(const char *networks);

/* The same by its steps: the agent, as it starts; what its host has, NULL: the same; the scan's end
 * and the manager's welcome. */
void host_begin(const char *networks);
void host_tell(const struct event_host *host);
void host_connect(void);

/* The newest job among the effects, NULL: none. */
const struct effect_job *host_job(void);
void host_assert_job(enum job_kind kind);

/* The job has gone on to the start of its VM. */
void host_assert_starting(void);

/* That job ends so, or its first part where a start follows; its number is filled in. */
void host_end(struct event_job end);
void host_end_job(enum code code);

/* The domain is so, as the host says. */
void host_domain_is(const char *vm, uint32_t epoch, enum vm_state in, enum domain_news why);

/* The newest step has told the manager this; valid until the next one. */
const struct result *host_assert_result(enum code code, enum vm_state in);

/* A VM "1" that runs, its result told. The next generation is 2. */
void host_run_vm(void);
