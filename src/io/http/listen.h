/* The socket that an HTTP face listens on: "ADDRESS:PORT", numeric, IPv6 in brackets; or
 * "unix:PATH", for the eyes of this account alone (mode 0600). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum http_exposure { HTTP_LOOPBACK, HTTP_OUTSIDE };

enum { http_socket_path = 108 }; /* sun_path in unix(7) */

struct http_socket {
    int fd; /* listening, non-blocking; the caller closes it */
    uint16_t port;
    enum http_exposure exposure;
    char path[http_socket_path]; /* of a Unix socket, to be removed at the end; otherwise "" */
};

/* 0, or negative with `err`: no address, or it cannot be listened on. */
int http_listen(const char *listen_at, struct http_socket *out_socket, struct error *err);
