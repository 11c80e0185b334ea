/* What the host's VMs use: asked of the host as often as the manager wants to hear it, and told as
 * it comes. Nothing of it is kept: what finds no session or no room is not told. */
#pragma once

#include <stdint.h>

struct agent;
struct event_usage;

/* At the end of a step. */
void agent_ask_usage(struct agent *agent);
uint64_t agent_usage_deadline_ms(const struct agent *agent);

/* The host has answered. */
void agent_on_usage(struct agent *agent, const struct event_usage *event);
