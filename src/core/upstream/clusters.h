/* Frames of clusters: what they report of VMs and operations, and what follows from it. */
#pragma once

struct effects;
struct event;
struct peer;
struct upstream;

void upstream_on_frame(struct upstream *upstream, const struct event *event);

/* The cluster is gone for good: its VMs are lost, what was under way there ends. */
void upstream_write_off(struct upstream *upstream, struct peer *peer);
