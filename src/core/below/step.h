/* The end of a manager's step: what its peers' sessions have to say goes out, and what waited for
 * room there follows. */
#pragma once

struct downlink;

/* At the end of every step: sessions acknowledge and send again; where there is room again, the
 * instructions that wait for it go out. */
void downlink_on_end_of_step(struct downlink *downlink);
