/* What the operator lets a tenant's new VMs use. */
#pragma once

#include <stdbool.h>

struct call;
struct tenant_entry;

/* What the operator lets a tenant's new VMs use. */
enum permit { PERMIT_CLUSTER, PERMIT_SHAPE, PERMIT_IMAGE, PERMIT_COUNT };

/* False: the tenant's VMs may not use what has this name, which is answered, whether there is such
 * a thing or not: nobody learns in this way what there is besides. */
bool upstream_permits(const struct call *call, const struct tenant_entry *tenant,
                      enum permit what, const char *name);

/* Asks this of all that a new VM of the caller's would use. */
bool upstream_permits_vm(const struct call *call);

/* Is it shown to the caller? To operators all is. */
bool upstream_shows(const struct call *call, enum permit what, const char *name);

/* Sets or resets what a tenant's new VMs may use. Those that there are stay as they are. */
void upstream_set_permissions(const struct call *call);
