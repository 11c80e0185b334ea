/* What the host's guests use, looked at when the agent asks, on a thread of its own: each guest's
 * counters against those of the time before. Told by EVENT_USAGE. */
#pragma once

#include "base/error.h"

struct host;
struct guest_usage;

/* NULL with `err`. */
struct guest_usage *guest_usage_begin(struct host *host, struct error *err);

/* One look; none where one is still under way. */
void guest_usage_look(struct guest_usage *usage);

/* After libvirt_cancel(): waits for what is being asked. NULL: nothing to do. */
void guest_usage_end(struct guest_usage *usage);
