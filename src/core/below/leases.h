/* Leases, as the manager gives them to its places: whose frames carry one, and when all that one of
 * them was given has ended for certain. Nothing is written for that: a manager that has just
 * started takes each place to have been given one a moment before. */
#pragma once

#include "message/model.h"

struct downlink;
struct peer;

/* Every place may have been given the longest lease that this manager ever gave. */
void downlink_start_leases(struct downlink *downlink);

/* Something that decides whether the peer's frames give a lease may have changed. */
void peer_review_lease(struct peer *peer);

/* Is it by a lease of this manager's that such a VM runs? */
bool downlink_leases(const struct downlink *downlink, enum on_loss on_loss);

/* A VM that runs by a lease is to be made or started there: its first frame brings one. */
void peer_expect_leased(struct peer *peer);

/* From when on nothing runs there by a lease, on the clock of now_ms; 0: nothing ever did. */
uint64_t peer_lease_end_ms(const struct peer *peer);
