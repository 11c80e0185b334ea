/* An image is here, or not to be had: the VMs that waited for it go on, or their operations end. */
#pragma once

struct downstream;
struct event;

void downstream_on_image(struct downstream *downstream, const struct event *event);
