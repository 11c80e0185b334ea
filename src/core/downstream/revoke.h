/* What an upstream manager may ask, by its owner's permissions, and the end of a lending. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "message/model.h"

struct downstream;
struct instruct;
struct lending;

/* May the upstream manager ask this, by the owner's permissions and while it is revoked? */
bool downstream_allows(const struct lending *lending, const struct instruct *instruct);

/* Which word of it is not allowed. */
enum obstacle downstream_obstacle(const struct lending *lending, const struct instruct *instruct);

/* The end of a lending, see enum lending_phase. False: it cannot be restored now. */
void downstream_revoke(struct lending *lending, uint64_t grace_ms);
bool downstream_restore(struct lending *lending);

/* Takes a revocation on when its time has come. */
void downstream_go_on_revoking(struct downstream *downstream, struct lending *lending);
