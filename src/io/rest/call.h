/* Inside the REST face: the face itself, and one call from its head to its answer.
 *
 * rest.c     starts, stops, dispatches, holds calls and hands replies to them
 * request.c  a call's head and body into a request to the role
 * answer.c   the role's reply into an answer
 * upload.c   an image's archive on its way in */
#pragma once

#include <pthread.h>

#include "io/http/server.h"
#include "io/shell/ports.h"
#include "io/rest/rest.h"
#include "io/http/blob.h"
#include "io/keys/join_token.h"
#include "io/rest/routes.h"
#include "io/keys/secret.h"

enum { rest_waiting_most = http_connections - 100 }; /* the rest stay free for short calls */

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

enum http_next rest_refuse(struct rest_call *call, const struct problem *problem);

/* Fills *out_request (freed with request_clear), or returns false with *problem. */
bool rest_request_make(struct rest_call *call, struct request *out_request,
                       struct problem *problem);

/* Answers with the call's reply, and frees it. */
void rest_answer_reply(struct rest *rest, struct rest_call *call);

/* Answers with one record. */
void rest_answer_record(struct rest_call *call, unsigned status, const struct table *table,
                        const void *data);

enum http_next rest_upload_begin(struct rest *rest, struct rest_call *call);
enum http_next rest_upload_piece(struct rest_call *call, const char *bytes, size_t length);
enum http_next rest_upload_complete(struct rest_call *call);
enum http_next rest_upload_resumed(struct rest_call *call);
void rest_upload_close(struct rest_call *call);   /* under rest->lock */
void rest_upload_sweep(const char *folder); /* removes what a crash left half-made */
