/* A downstream manager's image repository for its own agents: GET /v1/blobs/<digest> from a
 * folder, by libmicrohttpd on a thread of its own. Whoever has one of the tokens may read; no
 * role stands behind a token and nothing can be written. Listening and TLS follow the rules of
 * http/server.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct image_serve;

struct image_serve_settings {
    const char *listen;               /* "127.0.0.1:8081", "[::]:8444" */
    const char *tls_certificate_file; /* PEM chain; NULL: plain HTTP */
    const char *tls_key_file;
    bool plain_allowed;               /* the owner said in so many words: plain HTTP off loopback */
    const char *folder;               /* archives by digest */
    const char *const *token_hashes;  /* SHA-256 of the agents' bearer tokens */
    size_t token_hashes_count;
};

/* Listens; NULL with `err`. All that the settings point to is copied. */
struct image_serve *image_serve_start(const struct image_serve_settings *settings,
                                      struct error *err);
uint16_t image_serve_port(const struct image_serve *serve); /* the real one */
void image_serve_stop(struct image_serve *serve);
