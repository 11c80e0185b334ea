/* The kind "zeromq": a line is one connection to a relay, by CURVE over TCP, on a thread of its own
 * (io/zeromq). Addresses are account@domain; frames are any bytes. The relay is proven by its
 * public key, the account by a key that both ends make of its token (io/keys/curve_key.h).
 * docs/protocol.md, "ZeroMQ", has the rest. */
#pragma once

#include "io/carrier/carrier.h"

extern const struct carrier_kind zeromq_kind;
