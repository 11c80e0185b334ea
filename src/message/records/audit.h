/* The audit: a row for each request that changed something, showed a secret, or was refused, and
 * for each VM that the manager has made anew without a request. Rows of one asker are a chain: each
 * holds the digest of the one before it, so that one that was changed, or taken out of the middle,
 * is seen by whoever reads them all. A row holds names, ids, codes and times alone: never a token,
 * first-boot data or any other part of a body. */
#pragma once

#include "message/model.h"
#include "message/records/interface.h"

enum audit_who {
    AUDIT_OPERATOR, /* of an upstream manager */
    AUDIT_TENANT,
    AUDIT_OWNER,    /* of a cluster */
    AUDIT_STRANGER, /* whose token is not known */
    AUDIT_MANAGER,  /* nobody: it did so by itself */
    AUDIT_WHO_COUNT,
};
extern const char *const audit_who_names[AUDIT_WHO_COUNT];

enum { audit_from_size = 48 }; /* an IPv6 address */

struct audit {
    char id[limit_id_size]; /* the key */
    uint64_t at_ms;
    enum audit_who who;
    char tenant[limit_name_size]; /* AUDIT_TENANT */
    uint64_t tenant_ms;           /* when that one was made: another of its name is another chain */
    char from[audit_from_size];   /* the address that asked; "": the Unix socket */
    char what[limit_name_size];   /* a name of request_rules */
    enum verb verb;               /* of a request that asks a verb of a VM */
    char key[limit_name_size];    /* what it was asked of, by the name or id that was given */
    enum code code;               /* CODE_OK, or why it was refused */
    char op[limit_id_size];       /* the operation that it made; "": none */
    uint32_t more;                /* refused ones: how many like the one before came after it */
    uint64_t number;              /* in its chain, from 1 */
    char previous[limit_digest_size]; /* digest of the row before it; "": it is the first */
    char digest[limit_digest_size];
    char token[limit_name_size];  /* name of the access token that it came with; "": configured */
    uint64_t restored_ms; /* audit_restart: its disk is as it was then, or later; 0: its image's */
};
extern const struct table audit_table;

/* What is written of a VM that is made anew since its host or cluster was lost. */
extern const char *const audit_restart;

/* The digest of all else in the row. */
void audit_digest(const struct audit *row, interface_hash hash,
                  char out_digest[limit_digest_size]);
