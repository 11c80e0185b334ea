/* The kind "amqp": a line is one connection to an AMQP 0-9-1 broker (RabbitMQ), by librabbitmq on a
 * thread of its own. Addresses are account@domain; frames are any bytes. Each end has one queue by
 * the name of its address, its own alone, which goes with its connection; a frame is a message to
 * the default exchange. docs/protocol.md, "AMQP", has the rest.
 *
 * facts: librabbitmq writes without limit of time, so it is given no more than fits into the
 * socket; its handshake blocks, so close_line cuts the socket; heartbeats are sent inside its calls
 * alone. */
#pragma once

#include "io/carrier/carrier.h"

extern const struct carrier_kind amqp_kind;
