/* One seed from beginning to end: a time of faults, then the world heals and progress is
 * demanded. */
#pragma once

#include "sim/world/settings.h"
#include "sim/world/stats.h"

struct sim_world;
struct text;

/* Ends the process where a law is broken. Adds to *stats; returns the hash of all that happened. */
uint64_t run_seed(const struct sim_settings *settings, struct stats *stats);

/* A world that has been through all of it and is at rest; what goes up to upstreams is appended
 * to `uplinks` unless that is NULL. */
struct sim_world *run_world(const struct sim_settings *settings, struct text *uplinks);

/* The time after the faults: until nothing is said but keep-alives. */
void run_heal(struct sim_world *world);

/* Law 1 as non-interference: the same seed with two topologies of equal shown aggregate, where
 * hosts do the same to each VM. All that goes up must be the same bytes at the same times. */
void run_pair(const struct sim_settings *settings, struct stats *stats);

/* Very many hosts and VMs: what they cost, and every law at the end. */
struct sim_settings scale_settings(void);
int run_scale(const struct sim_settings *settings); /* exit status */

/* Law 2: what one cluster costs its upstream, with few agents and with very many. */
int run_one_node(const struct sim_settings *settings); /* exit status */
