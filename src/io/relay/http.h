/* The HTTP face of a relay: who has an account says so by a token, opens a connection, and then
 * listens and sends by requests (docs/protocol.md, "HTTP").
 *
 * All is done on the HTTP server's thread and on that of whoever calls relay_server_tick. */
#pragma once

#include "io/http/server.h"
#include "io/relay/server.h"

struct relay_http;

/* Listens. NULL with `err`. */
struct relay_http *relay_http_start(struct relay_server *server,
                                    const struct http_server_settings *settings,
                                    struct error *err);
uint16_t relay_http_port(const struct relay_http *face);

/* Serves by the certificate and the key that the files have now, as http_server_renew. */
int relay_http_renew(struct relay_http *face, struct error *err);
void relay_http_stop(struct relay_http *face);
