/* Frames of an upstream manager: what it instructs is judged, held against the owner's limits and
 * begun. */
#pragma once

struct downstream;
struct event;
struct lending;

void downstream_on_uplink_frame(struct downstream *downstream, struct lending *lending,
                                const struct event *event);

/* Goes on with what has waited for the end of a copy. */
void downstream_go_on_instructed(struct downstream *downstream);
