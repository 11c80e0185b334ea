/* Requests of tenants and operators: who asks, whether it may, and which answer it gets. */
#pragma once

struct event;
struct upstream;

void upstream_on_request(struct upstream *upstream, const struct event *event);
