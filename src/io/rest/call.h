/* The REST face from within, and one call, which is held while the role has it. */
#pragma once

#include <pthread.h>

#include "base/list.h"
#include "base/map.h"
#include "io/http/authorities.h"
#include "io/http/blob.h"
#include "io/http/server.h"
#include "io/keys/join_token.h"
#include "io/keys/secret.h"
#include "io/rest/health.h"
#include "io/rest/owners.h"
#include "io/rest/routes.h"
#include "io/rest/streams.h"
#include "io/rest/watch/watch.h"
#include "io/rest/web/logins.h"
#include "io/rest/web/page.h"
#include "io/shell/ports.h"
#include "message/enrol.h"
#include "message/records/metrics.h"

struct rest_upload;
struct oidc;
struct oidc_visit;
struct visit;
struct visits;
struct rest_archives;

enum {
    rest_routes_most = 128,
    rest_classes = 6,
    rest_browser_connections = 256, /* at a time, of the listener for an owner's browsers */
    rest_calls_most = http_requests + rest_browser_connections + connections_spare,
};

/* Who holds calls: those of one tenant, or operator, while there are some. Guarded. */
struct rest_client {
    size_t open, waiting, watching;
    char key[limit_digest_size]; /* rest_owners_key() */
};

struct rest_call {
    struct http_request http;
    const struct rest_route *route;
    char key[limit_digest_size]; /* the variable part of the path */
    char token_hash[limit_digest_size]; /* of the token by which it comes; "": none */
    char login[limit_digest_size]; /* the digest of the login that stands for that; "": none */
    bool is_owners;              /* it comes by the Unix socket of a face that is the owner's */
    struct list_query query;     /* of a list that was asked for */
    bool is_watch;               /* what the role answers lets it in, no more */
    bool is_counted;             /* among those who watch; guarded */
    struct watcher watcher;
    struct rest_client *client;  /* whose token it is; NULL: nobody, or the owner; guarded */
    struct text body;
    size_t slot;
    struct reply reply;          /* guarded by rest->lock until the call is resumed */
    bool asked;                  /* the role owes a reply; guarded */
    bool waits;                  /* is counted */
    bool waited;                 /* for an end: how long it took says nothing */
    uint64_t began_ms;           /* monotonic */
    char token[secret_token_size]; /* drawn for somebody, or to join by */
    enum join_token_form token_form;
    struct rest_upload *upload;
    struct visit *visit;      /* a stream that it has joined; guarded */
    struct visit *types_into; /* one that it types into; guarded */
    size_t typed;             /* of its body */
    struct oidc_visit *oidc;  /* the provider of logins is asked; guarded */
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
    struct http_server *browsers; /* the second listener; NULL: there is none */
    char page_url[limit_stream_url_size]; /* as its clients reach it; "": they know */
    char owner_hash[limit_digest_size]; /* what the owner's tickets and logins stand for */
    struct shell *shell;
    char *image_folder, *image_converter;
    const struct minisign_secret *image_key;
    uint64_t max_image_bytes, image_reserve_bytes;
    char *software;
    struct rest_health health;
    char *manager_address;
    char manager_key[limit_public_key_size]; /* under the lock */
    const struct rest_invitation *invitations;
    size_t invitations_count;
    struct token_hashes clusters;
    struct authorities *authorities; /* the caller's */
    struct web_page *page; /* the page; NULL: there is none */
    struct logins tickets, logins;
    pthread_mutex_t lock; /* before the server's own */
    pthread_cond_t uploads_changed;
    struct list uploads; /* that are under way (upload.c) */
    size_t uploads_count;
    bool publishing; /* an upload has its turn, or who removes archives */
    struct rest_archives *archives; /* NULL: there is no image folder */
    struct rest_slot slots[rest_calls_most];
    struct rest_owners owners; /* under the lock */
    struct map clients; /* by key */
    size_t waiting, watching;
    uint64_t counted[rest_routes_most][rest_classes]; /* by route, and hundreds of the status */
    struct metric_histogram answered;
    struct watch *watch;
    struct rest_streams streams;
    struct visits *visits; /* NULL: there are no streams */
    struct oidc *oidc; /* NULL: there is no provider of logins */
    size_t requests_of_asker; /* three quarters of them may wait */
    bool stopping;
};

/* Holds the call and hands the request to the role; on_resumed follows with call->reply. */
void rest_ask(struct rest *rest, struct rest_call *call, struct request *request);

/* The call is held by its token's owner, unless the face has none; and is not any more. Under the
 * lock. */
void rest_hold(struct rest *rest, struct rest_call *call, const char *token_hash);
void rest_let_go(struct rest *rest, struct rest_call *call);

/* Do other calls of its client leave room for this one, and for its wait? False: `problem`. */
bool rest_has_room(struct rest *rest, struct rest_call *call, struct problem *problem);
bool rest_may_wait(struct rest *rest, struct rest_call *call, struct problem *problem);

/* Do those who watch already leave room for this one? Then it is counted among them. */
bool rest_may_watch(struct rest *rest, struct rest_call *call, struct problem *problem);

/* Calls with this token that wait for an end are answered: it is worth nothing any more. Under the
 * lock. */
void rest_end_token(struct rest *rest, const char *token_hash);

/* The call that awaits the reply of this handle; NULL: its client went away. Under the lock. */
struct rest_call *rest_call_asked(const struct rest *rest, uint64_t handle);

enum http_next rest_refuse(struct rest_call *call, const struct problem *problem);
