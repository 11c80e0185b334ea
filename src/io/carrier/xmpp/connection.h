/* The kind "xmpp": a line is one connection to an XMPP server (c2s, TLS, SASL) on a thread of its
 * own, by libstrophe. Addresses are full JIDs, account@domain/resource; frames travel in
 * <message type='headline'> stanzas, so they have to be XML text: UTF-8 without control characters.
 *
 * Its thread has the library but while it waits or serves; meanwhile, another may take it to write
 * what it has to say by itself. What happens is told from whichever thread has the library. */
#pragma once

#include "io/carrier/carrier.h"

extern const struct carrier_kind xmpp_kind;
