/* A downstream manager's repository for its own agents: images by GET /v1/blobs/<digest> from a
 * folder, and copies of VMs (blocks/serve.h), by libmicrohttpd on a thread of its own. Whoever has
 * one of the tokens may read images; no role stands behind such a token and nothing can be written
 * by it. Listening and TLS follow the rules of http/server.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct authorities;
struct blocks;
struct image_serve;

struct image_serve_settings {
    const char *listen;               /* "127.0.0.1:8081", "[::]:8444" */
    const char *tls_certificate_file; /* PEM chain; NULL: plain HTTP */
    const char *tls_key_file;
    bool plain_allowed;               /* the owner said in so many words: plain HTTP off loopback */
    size_t connections_of_address;    /* 0: as the server has it */
    const char *folder;               /* archives by digest */
    const char *const *token_hashes;  /* SHA-256 of the agents' bearer tokens */
    size_t token_hashes_count;
    struct authorities *authorities;  /* the caller's, for everybody; NULL: none */
    struct blocks *blocks;            /* copies of VMs, the caller's; NULL: none */
};

/* Listens; NULL with `err`. All that the settings point to is copied. */
struct image_serve *image_serve_start(const struct image_serve_settings *settings,
                                      struct error *err);
uint16_t image_serve_port(const struct image_serve *serve); /* the real one */

/* Serves by the certificate and the key that the files have now, as http_server_renew. */
int image_serve_renew(struct image_serve *serve, struct error *err);
void image_serve_stop(struct image_serve *serve);
