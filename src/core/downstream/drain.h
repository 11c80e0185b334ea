/* Hosts that are to be empty: which of their VMs leave, when, and in which way. */
#pragma once

struct downstream;
struct event;

void downstream_go_on_draining(struct downstream *downstream);

/* An image that VMs on such hosts wait for before they leave is here, or not to be had. */
void downstream_drain_image(struct downstream *downstream, const struct event *event);
