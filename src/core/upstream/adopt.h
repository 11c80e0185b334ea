/* VMs that a cluster has of this upstream manager's, and that it does not know (any more). */
#pragma once

struct call;

/* One of them becomes a tenant's. */
void upstream_adopt(const struct call *call);
