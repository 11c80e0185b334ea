/* An image is here, or not to be had: the VMs that waited for it go on, or their operations end.
 * And whether one that is here may go: as far as its upstream manager's VMs need it no more. */
#pragma once

struct downstream;
struct event;

void downstream_on_image(struct downstream *downstream, const struct event *event);
void downstream_on_archive(struct downstream *downstream, const struct event *event);
