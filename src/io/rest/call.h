/* The REST face from within, and one call, which is held while the role has it. */
#pragma once

#include <pthread.h>

#include "io/http/blob.h"
#include "io/http/server.h"
#include "io/keys/secret.h"
#include "io/rest/routes.h"
#include "io/shell/ports.h"
#include "message/enrol.h"

struct rest_upload;

struct rest_call {
    struct http_request http;
    const struct rest_route *route;
    char key[limit_digest_size]; /* the variable part of the path */
    struct text body;
    size_t slot;
    struct reply reply;          /* guarded by rest->lock until the call is resumed */
    bool asked;                  /* the role owes a reply; guarded */
    bool waits;                  /* counted in rest->waiting */
    char token[secret_token_size]; /* drawn for a new tenant, or to join by */
    struct rest_upload *upload;
};

/* A place for a call; handles name the place and how often it was used. */
struct rest_slot {
    struct rest_call *call;
    uint64_t generation;
};

struct rest {
    struct http_face face;
    const struct rest_face *routes;
    struct http_server *server;
    struct shell *shell;
    char *image_folder;
    char *software;
    char *manager_address;
    char manager_key[limit_public_key_size]; /* under the lock */
    const struct rest_invitation *invitations;
    size_t invitations_count;
    struct token_hashes clusters;
    pthread_mutex_t lock; /* before the server's own */
    pthread_cond_t uploads_changed;
    size_t uploads_count;
    bool publishing; /* an upload has its turn */
    struct rest_slot slots[http_connections];
    size_t waiting;
    bool stopping;
};

/* Holds the call and hands the request to the role; on_resumed follows with call->reply. */
void rest_ask(struct rest *rest, struct rest_call *call, struct request *request);

/* The call that awaits the reply of this handle; NULL: its client went away. Under the lock. */
struct rest_call *rest_call_asked(const struct rest *rest, uint64_t handle);

enum http_next rest_refuse(struct rest_call *call, const struct problem *problem);
