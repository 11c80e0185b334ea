/* What follows from the frames of clusters at the upstream manager, beside what both managers do
 * with a place's frames (manager/reports.h). */
#pragma once

struct peer;
struct upstream;

/* The cluster is gone for good: its VMs are lost, what was under way there ends. */
void upstream_write_off(struct upstream *upstream, struct peer *peer);

/* Stores of each cluster that was lost since the last step that it is not heard. */
void upstream_save_lost(struct upstream *upstream);

/* What an upstream manager does of its own with what clusters tell. */
extern const struct manager_kind upstream_kind;
