/* The route tables of the REST faces: here the upstream manager's; that of a cluster's owner is in
 * routes_owner.h. Dispatch, parameter checks and the OpenAPI document all work from them, so that
 * none of these can tell another story than the others. */
#pragma once

#include <stdbool.h>

#include "message/request.h"

enum rest_action {
    REST_ROLE,     /* becomes a request to the role */
    REST_UPLOAD,   /* an image's archive comes in */
    REST_UPLOADED, /* how far that is */
    REST_EXPORT,   /* an archive goes out to whoever may use the image */
    REST_METRICS,  /* the role's answer to `kind`, as numbers for Prometheus */
    REST_EVENTS,   /* all that changes is told; the role's answer to `kind` lets it in */
    REST_TICKET,   /* a browser may log in by it; the role says whether the token is good */
    REST_LOGIN,    /* a browser is let in */
    REST_LOGOUT,   /* and ends */
    REST_JOIN,     /* a stream is joined by its ticket: what the VM says is the answer */
    REST_TYPE,     /* and what is typed comes */
    REST_BLOB,     /* an archive goes out to a cluster */
    REST_SIGNATURE, /* and who made it */
    REST_DOCUMENT, /* this face's OpenAPI document */
    REST_HEALTH,
};

enum rest_shape { REST_RECORD, REST_CREATED, REST_OPERATION, REST_LIST, REST_GONE, REST_BYTES,
                  REST_STREAM };

/* Times that a request asks for, in seconds. */
struct rest_timing {
    uint32_t wait, deadline;
};
extern const struct table rest_timing_table;

struct rest_route {
    const char *method, *path; /* one segment may be a variable: "{vm}" */
    const char *summary;
    enum rest_action action;
    enum request_kind kind;      /* REST_ROLE */
    enum verb verb;              /* REQUEST_VM_ACT */
    bool hard;                   /* VERB_REBOOT */
    const struct table *body;    /* NULL: none, or {} */
    size_t body_offset;          /* in struct request */
    const char *parameters[12];  /* names in rest_timing_table or list_query_table */
    enum rest_shape shape;       /* of the answer when all is well */
    const struct table *answer;  /* its record, or a list's rows */
    uint64_t problems;           /* bits 1 << enum code, beyond those of every route */
};

/* How a face knows who asks. */
enum rest_trust {
    REST_BY_TOKEN,  /* by the bearer token */
    REST_BY_SOCKET, /* whoever may open the Unix socket is the owner; elsewhere, who has logged in
                     * by a ticket that was drawn there */
};

struct rest_face {
    const struct rest_route *routes;
    size_t routes_count;
    enum rest_trust trust;
    const char *about; /* for the document */
};
extern const struct rest_face rest_upstream_face;

/* To strangers, that is to all who are neither known by a token or login nor the owner. */
bool rest_route_is_open(const struct rest_face *face, const struct rest_route *route);
bool rest_route_takes_key(const struct rest_route *route); /* Idempotency-Key */
bool rest_route_takes_tag(const struct rest_route *route); /* If-Match */
bool rest_route_is_watched(const struct rest_route *route); /* a list that takes `watch` */

/* Bits of all codes that the route may answer with. */
uint64_t rest_route_problems(const struct rest_face *face, const struct rest_route *route);

/* The parameter's field if the route has it, with the struct that holds it. */
enum rest_holder { REST_TIMING, REST_QUERY };
const struct field *rest_route_parameter(const struct rest_route *route, const char *name,
                                         enum rest_holder *out_holder);

/* Finds the route (HEAD counts as GET) and copies the variable segment into out_key of
 * limit_digest_size bytes. NULL: out_allow holds the methods that the path knows, "" if none. */
const struct rest_route *rest_route_find(const struct rest_face *face, const char *method,
                                         const char *path, char *out_key, char out_allow[64]);
