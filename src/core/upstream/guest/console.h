/* Streams to tenants' VMs: who asks for one, who comes with a ticket, and what stands of that in
 * the audit. */
#pragma once

#include "core/manager/streams.h"

struct call;
struct upstream;

void upstream_open_stream(const struct call *call);

/* As struct manager_kind has them. */
void upstream_on_stream(struct manager *manager, struct stream *stream, enum code code);
bool upstream_may_stream(const struct manager *manager, const struct stream *stream);

void upstream_on_stream_event(struct upstream *upstream, const struct event_stream *event);
