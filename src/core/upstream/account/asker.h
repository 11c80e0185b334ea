/* Who asks: tenants and operators, each by an access token (manager/access.h) or the one that is
 * configured; and what they do with these tokens. */
#pragma once

#include "core/upstream/upstream.h"

/* Finds out who asks, for the call. False: it is answered that this may not be asked. */
bool upstream_admits(struct call *call);

void upstream_create_access(const struct call *call);
void upstream_revoke_access(const struct call *call);

/* At the start: an older version may have been here since, which knows of a tenant's first token
 * alone. */
void upstream_begin_access(struct upstream *upstream);
