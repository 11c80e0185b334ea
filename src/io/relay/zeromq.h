/* The ZeroMQ face of a relay: who has an account logs in by the key that comes of its token, opens
 * a connection, and then says and hears news (docs/protocol.md, "ZeroMQ"). A thread of its own. */
#pragma once

#include "io/relay/server.h"

struct relay_zeromq;

struct relay_zeromq_settings {
    const char *listen;   /* address:port, [address]:port */
    const char *key_line; /* of the key file (io/keys/seal.h) */
};

/* Listens. NULL with `err`. */
struct relay_zeromq *relay_zeromq_start(struct relay_server *server,
                                        const struct relay_zeromq_settings *settings,
                                        struct error *err);
uint16_t relay_zeromq_port(const struct relay_zeromq *face);
void relay_zeromq_stop(struct relay_zeromq *face);
