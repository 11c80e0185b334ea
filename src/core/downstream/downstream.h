/* The downstream manager: plays one agent toward each upstream manager, and is the real manager
 * of its hosts. What goes up is built from the cluster's aggregate and from results alone (law
 * 1): host names and addresses appear in book_vm.record.place and nowhere in what uplinks send.
 *
 * An instruction from above is judged, checked against the owner's limits, given a host and
 * passed on with an epoch and generation of this level; its result is passed up with those of
 * the level above. The pieces, from the ground up: lending (what is lent to whom), share,
 * operations, place (the choice of a host), remake and migrate (VMs that go to another host),
 * moves, drain (hosts that are to be empty), revoke (the end of a lending), hosts and instructed
 * (frames from below, from above), images, host_requests and requests (the owner's), downstream
 * (life). */
#pragma once

#include <stdint.h>

struct downstream;
struct effects;
struct event;
struct role_settings;

void downstream_init(struct downstream *downstream, const struct role_settings *settings);
void downstream_deinit(struct downstream *downstream);
void downstream_step(struct downstream *downstream, const struct event *event,
                     struct effects *out);
uint64_t downstream_deadline_ms(const struct downstream *downstream);
void downstream_check(const struct downstream *downstream);
