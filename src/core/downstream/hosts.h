/* What follows from the frames of hosts at the downstream manager, beside what both managers do
 * with a place's frames (manager/reports.h). */
#pragma once

struct downstream;
struct peer;

/* The host is gone for good: its VMs are lost, what was under way there ends, so does the wait for
 * what was to be deleted. */
void downstream_write_off(struct downstream *downstream, struct peer *peer);

/* What a downstream manager does of its own with what hosts tell. */
extern const struct manager_kind downstream_kind;
