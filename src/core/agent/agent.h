/* The agent: the hands on one host. It takes instructions from its manager, turns each into host
 * jobs in order, and answers with what really happened. One job per VM is under way at a time; a
 * job is repeated after a crash, since jobs do no harm twice (effect.h).
 *
 * define:   FETCHING -> PREPARING [-> STARTING]      on failure: UNDOING, then the failure
 * start:    STARTING          stop:   STOPPING       delete: DELETING
 * shutdown: STOPPING, then the guest's end           reboot: REBOOTING, then the guest's return
 * pause: PAUSING          resume: RESUMING           suspend: SUSPENDING
 *
 * The uplink opens only when the host has been scanned, so that what it tells is true. */
#pragma once

#include <stdint.h>

struct agent;
struct effects;
struct event;
struct role_settings;

void agent_init(struct agent *agent, const struct role_settings *settings);
void agent_deinit(struct agent *agent);
void agent_step(struct agent *agent, const struct event *event, struct effects *out);
uint64_t agent_deadline_ms(const struct agent *agent);
void agent_check(const struct agent *agent);
