/* The owner's requests: lists, what is lent to whom, and, through host_requests, single hosts. */
#pragma once

struct downstream;
struct event;
struct lending_decision;

void downstream_on_request(struct downstream *downstream, const struct event *event);
void downstream_load_lending(struct downstream *downstream, const struct lending_decision *record);
