/* What a cluster's owner is told, and the owner's contacts. */
#pragma once

#include "core/downstream/lending.h"

void owner_on_contact(const struct call *call); /* REQUEST_CONTACT_… */

/* A host is connected; or links were swept, and one of them may be given up by now. */
void owner_on_host(struct downstream *downstream, const struct peer *peer);
void owner_on_sweep(struct downstream *downstream);

/* Looks at the link to an upstream manager, after every step. */
void owner_look_up(struct downstream *downstream, struct lending *lending);
uint64_t owner_deadline_ms(const struct downstream *downstream);

void owner_on_certificate(struct downstream *downstream,
                          const struct event_certificate *certificate);
