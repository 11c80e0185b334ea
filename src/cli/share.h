/* How upstream managers stand beside each other, for the owner's part of the command. */
#pragma once

#include "cli/call.h"
#include "message/owner.h"

extern const struct view upstreams;

/* Weight, room that is kept and steps of what is shown, a line each. */
void sheet_share(struct sheet *sheet, const struct lending *lending);
