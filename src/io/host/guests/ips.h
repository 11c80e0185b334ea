/* Looks again and again which IP addresses the host's guests have, and tells the agent (EVENT_IPS):
 * on a thread of its own, one guest after the other, so that a guest whose agent does not answer
 * holds up no job. */
#pragma once

#include "base/error.h"

struct host;
struct guest_ips;

/* NULL with `err`. */
struct guest_ips *guest_ips_begin(struct host *host, struct error *err);

/* After libvirt_cancel(): waits for what is being asked. NULL: nothing to do. */
void guest_ips_end(struct guest_ips *ips);
