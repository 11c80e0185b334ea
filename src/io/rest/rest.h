/* A REST face: of the upstream manager, or of a cluster's owner on a Unix socket, and on a second
 * listener for the owner's browsers, which log in by tickets that are drawn at the socket. Routes
 * under /v1, by the HTTP server on its own thread. A request becomes an EVENT_REQUEST, its
 * connection is held until the shell hands back the reply. Routes, parameters, bodies and answers
 * stand in one route table together with the field tables; the OpenAPI document is made from the
 * same two. */
#pragma once

#include "base/error.h"
#include "io/http/server.h"
#include "io/rest/health.h"
#include "io/rest/invitation.h"
#include "io/rest/streams.h"
#include "core/effect.h"
#include "io/shell/ports.h"

struct rest;
struct rest_face;
struct provider_settings;

struct rest_settings {
    const struct rest_face *face; /* which routes */
    const char *listen;        /* "127.0.0.1:8080", "[::]:8443", "unix:/path" */
    const char *tls_certificate_file; /* PEM chain; NULL: plain HTTP */
    const char *tls_key_file;
    bool plain_allowed;        /* the operator said in so many words: plain HTTP off loopback */
    size_t connections_of_address; /* 0: as the server has it */
    size_t requests_of_asker; /* three quarters may wait; 0: limit_requests_of_asker */
    const char *image_folder;  /* archives by digest: uploads go in, clusters pull from here;
                                * NULL: the face has no such routes */
    const struct minisign_secret *image_key; /* signs them, outlives the face; NULL: they are not */
    const char *image_converter;  /* isthmus-image-convert; NULL: beside this program */
    uint64_t max_image_bytes;     /* that may come out of an archive; 0: any */
    uint64_t image_reserve_bytes; /* left free of the folder's disk; 0: the usual */
    const char *const *cluster_token_hashes; /* who may pull images */
    size_t cluster_token_hashes_count;
    struct authorities *authorities; /* served beside images, outlive the face; NULL: none */
    const char *manager_address, *manager_key; /* for join tokens: where, and sealed to whom */
    const struct rest_invitation *invitations; /* outlive the face */
    size_t invitations_count;
    const char *web_folder; /* of the page; NULL: there is none */
    struct http_server_settings browsers; /* of a face by socket: who listens for browsers, which
                                           * log in; its listen NULL: nobody */
    const char *page_url;   /* as they reach it; NULL: as it listens */
    const struct provider_settings *provider; /* of logins; NULL: there is none */
    const char *provider_name;
    const char *software;
    struct rest_health health;
    struct rest_streams streams; /* end after the face */
};

/* Listens; NULL with `err`: the address is taken, TLS files are bad, plain HTTP off loopback. */
struct rest *rest_start(const struct rest_settings *settings, struct shell *shell,
                        struct error *err);
uint16_t rest_port(const struct rest *rest); /* the real one, if the setting's was 0 */

/* Sends a reply to the connection that holds its handle. Thread-safe; a handle whose client went
 * away is ignored. Takes what the reply owns. */
void rest_reply(struct rest *rest, struct reply *reply);

/* A record was in the store when the daemon started. */
void rest_loaded(struct rest *rest, const struct record *record);

/* The shell stored an effect, as the change of this number; all up to it are on disk. Both from one
 * thread at a time. */
void rest_stored(struct rest *rest, const struct effect *effect, uint64_t number);
void rest_committed(struct rest *rest, uint64_t number);

/* The role tells of an archive in the image folder. Thread-safe. */
void rest_archive(struct rest *rest, const struct effect_archive *effect);

/* Tokens are for this key of the manager's from here on. Thread-safe. */
void rest_rekey(struct rest *rest, const char *key);

/* Serves by the certificate and the key that the files have now, as http_server_renew. */
int rest_renew(struct rest *rest, struct error *err);

/* What join tokens say from here on; they outlive the face. Thread-safe. */
void rest_invite(struct rest *rest, const struct rest_invitation *invitations, size_t count);

/* Refuses new requests, answers those held with CODE_SHUTTING_DOWN, closes. */
void rest_stop(struct rest *rest);
