/* The contacts of an upstream manager's tenants and operators. */
#pragma once

#include "core/upstream/upstream.h"

void holders_on_request(const struct call *call); /* REQUEST_CONTACT_… */

/* At the start: those of tenants that are no more are forgotten, and what is on its way goes on. */
void holders_begin(struct upstream *upstream);
