/* Enrolment: the keys that a daemon has pinned beyond its configuration, the one-time tokens by
 * which a peer gets its key pinned, and what passes between the two sides then. */
#pragma once

#include "message/field.h"
#include "message/limits.h"

enum { limit_pin_size = limit_name_size + 8, limit_join_secret_size = 44 };

/* A peer's key that takes the place of peer_key in the configuration. */
struct pin {
    char peer[limit_pin_size];       /* "below host-1", "above cloud" */
    char key[limit_public_key_size]; /* "": revoked, nobody is heard */
    uint64_t changed_ms;
};
extern const struct table pin_table;
extern const struct table next_pin_table; /* a struct pin, of a peer that is changing its key */

/* A peer of the configuration that waits for whoever brings the token's secret, of which the
 * digest is kept. */
struct join_token {
    char id[limit_id_size];
    char peer[limit_name_size];
    char secret_hash[limit_digest_size];
    char key[limit_public_key_size]; /* that it was used for */
    uint64_t created_ms, expires_ms;
    uint64_t used_ms; /* 0: not yet */
};
extern const struct table join_token_table;

/* POST /v1/tokens */
struct token_create {
    char peer[limit_name_size];
    uint64_t expires_seconds; /* 0: an hour */
    bool whole;               /* the token brings the texts of authorities */
};
extern const struct table token_create_table;

/* A further server of the link; what is absent is as at the first one. */
struct join_server {
    char *carrier, *address, *password; /* address absent: a node of the same cluster */
    char *url, *server;
    uint32_t port;
    char *ca, *ca_digest, *server_key;
    char *manager; /* the manager's address there */
};
extern const struct table join_server_table;

/* How a joining side that has no configuration reaches its manager: its token brings it. Where a
 * digest stands in place of an authority, that is to be had from the manager, as an image is. */
struct join_link {
    char *jid, *password; /* its own account, whatever the carrier calls its address; jid NULL: the
                           * token brings nothing of all this */
    char *carrier;        /* the server's kind; NULL: "xmpp" */
    char *url;            /* of kinds that are reached by one */
    char *server;         /* of the others; NULL: the account's domain */
    uint32_t port;        /* 0: the kind's own */
    char *ca;             /* of the server, PEM; NULL: its kind has no certificates */
    char *ca_digest;      /* SHA-256 of that, in its place */
    char *server_key;     /* the server's public key; NULL: its kind has certificates */
    struct join_server *more; /* in the order of preference */
    uint32_t more_count;
    char *image_url, *image_token;
    char *image_ca;       /* PEM; NULL: the system's */
    char *image_ca_digest; /* in its place */
};
extern const struct table join_link_table;

/* What a joining side sends, sealed to its manager's key. */
struct join {
    char token[limit_id_size];
    char secret[limit_join_secret_size];
    char key[limit_public_key_size];
};
extern const struct table join_table;

enum join_verdict {
    JOIN_DONE,
    JOIN_UNKNOWN, /* revoked, altered, or never of this manager */
    JOIN_USED,
    JOIN_EXPIRED,
    JOIN_ELSEWHERE, /* the token is for another peer than the one at this address */
    JOIN_VERDICT_COUNT,
};
extern const char *const join_verdict_names[JOIN_VERDICT_COUNT];

/* The answer, sealed to the key that asked. */
struct joined {
    enum join_verdict verdict;
};
extern const struct table joined_table;
