/* Requests about contacts: a tenant's about its own, an operator's about the operators'. */
#pragma once

#include "core/upstream/upstream.h"

void contacts_add(const struct call *call);
void contacts_list(const struct call *call);
void contacts_remove(const struct call *call);
void contacts_prove(const struct call *call);

/* At the start: those of tenants that are no more are forgotten, and what is on its way goes on. */
void contacts_begin(struct upstream *upstream);
