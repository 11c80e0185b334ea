/* One seed from beginning to end: a time of faults, then the world heals and progress is
 * demanded. */
#pragma once

#include "sim/world/settings.h"
#include "sim/world/stats.h"

struct sim_world;
struct text;

/* Ends the process where a law is broken. Adds to *stats; returns the hash of all that happened. */
uint64_t run_seed(const struct sim_settings *settings, struct stats *stats);

/* Who is there, but nobody started; what goes up to upstreams is appended to `uplinks` unless that
 * is NULL. */
struct sim_world *run_build(const struct sim_settings *settings, struct text *uplinks);

/* A world in which all have been started. */
struct sim_world *run_begin(const struct sim_settings *settings, struct text *uplinks);
void run_free(struct sim_world *world);

/* A world that has been through all of it and is at rest. */
struct sim_world *run_world(const struct sim_settings *settings, struct text *uplinks);

/* The time after the faults: until nothing is said but keep-alives. */
void run_heal(struct sim_world *world);
