/* The kind "http": a line is one connection to a relay of ours (isthmus-relay), by HTTPS requests
 * of libcurl on a thread of its own, so that it passes proxies. Addresses are account@domain;
 * frames are any bytes.
 *
 * While it is up, one GET is always held open by the relay, and answered with what came; what is to
 * be sent goes in one POST at a time, with all that waited meanwhile. That keeps the order, and
 * makes a busy line a cheap one. A relay that hangs tells nothing, so each request has a time of
 * its own, counted from when something last moved. docs/protocol.md, "HTTP", has the requests. */
#pragma once

#include "io/carrier/carrier.h"

extern const struct carrier_kind http_kind;
