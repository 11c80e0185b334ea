/* A REST face: of the upstream manager, or of a cluster's owner on a Unix socket. Routes under /v1,
 * by the HTTP server on its own thread. A request becomes an EVENT_REQUEST, its connection is
 * held until the shell hands back the reply. Routes, parameters, bodies and answers stand in one
 * route table together with the field tables; the OpenAPI document is made from the same two. */
#pragma once

#include "base/error.h"
#include "io/rest/invitation.h"
#include "io/shell/ports.h"

struct rest;
struct rest_face;

struct rest_settings {
    const struct rest_face *face; /* which routes */
    const char *listen;        /* "127.0.0.1:8080", "[::]:8443", "unix:/path" */
    const char *tls_certificate_file; /* PEM chain; NULL: plain HTTP */
    const char *tls_key_file;
    bool plain_allowed;        /* the operator said in so many words: plain HTTP off loopback */
    const char *image_folder;  /* archives by digest: uploads go in, clusters pull from here;
                                * NULL: the face has no such routes */
    const char *const *cluster_token_hashes; /* who may pull images */
    size_t cluster_token_hashes_count;
    const char *manager_address, *manager_key; /* for join tokens: where, and sealed to whom */
    const struct rest_invitation *invitations; /* outlive the face */
    size_t invitations_count;
    const char *software;
};

/* Listens; NULL with `err`: the address is taken, TLS files are bad, plain HTTP off loopback. */
struct rest *rest_start(const struct rest_settings *settings, struct shell *shell,
                        struct error *err);
uint16_t rest_port(const struct rest *rest); /* the real one, if the setting's was 0 */

/* Sends a reply to the connection that holds its handle. Thread-safe; a handle whose client went
 * away is ignored. Takes what the reply owns. */
void rest_reply(struct rest *rest, struct reply *reply);

/* Tokens are for this key of the manager's from here on. Thread-safe. */
void rest_rekey(struct rest *rest, const char *key);

/* Refuses new requests, answers those held with CODE_SHUTTING_DOWN, closes. */
void rest_stop(struct rest *rest);
