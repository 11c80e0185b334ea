/* Which images are here, as an agent's end of a link tells its manager: all of them anew at each
 * change, and in each session, where the manager asks for them and where there are any. */
#pragma once

#include "core/above/speak.h"

/* The image is here, for this manager, or is not any more: it is told at the next uplink_tick. */
void holds_note(struct uplink *uplink, const char *digest, bool is_here);

/* Are others here than were told in this session, and is there room to tell? */
bool holds_are_owed(const struct uplink *uplink);
void holds_tell(struct uplink *uplink);
