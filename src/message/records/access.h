/* Access tokens: by which tenants and operators are known, each with a name, what may be asked by
 * it, and until when. The store has a token's digest alone. */
#pragma once

#include "message/field.h"
#include "message/limits.h"

/* What may be asked by a token: the later, the less. */
enum rights {
    RIGHTS_ALL,
    RIGHTS_ACT,  /* what is done with VMs, images and SSH keys */
    RIGHTS_LOOK, /* what changes nothing, and shows nothing of a guest's */
    RIGHTS_COUNT,
};
extern const char *const rights_names[RIGHTS_COUNT];

struct access_token {
    char id[limit_id_size];       /* the key */
    char tenant[limit_name_size]; /* whose it is; "": an operator's */
    uint64_t tenant_ms;           /* when that tenant was made: one of its name is another */
    char name[limit_name_size];   /* among its tenant's, or the operators' */
    char token_hash[limit_digest_size];
    enum rights rights;
    uint64_t created_ms;
    uint64_t expires_ms; /* 0: never */
    uint64_t used_ms;    /* about when it was used last; 0: never */
    char identity[limit_identity_size]; /* who logs in as it by an OpenID provider; "": nobody */
};
extern const struct table access_token_table;

/* POST /v1/access-tokens; the token is drawn by the adapter and shown once. For an identity none
 * is: the adapter says which digest stands for it. */
struct access_create {
    char name[limit_name_size];
    char tenant[limit_name_size]; /* operators: whose it is to be; "": the asker's */
    enum rights rights;
    uint64_t expires_seconds;     /* 0: never */
    char identity[limit_identity_size]; /* operators: whose login it is; "": nobody's */
};
extern const struct table access_create_table;

struct access_created {
    char id[limit_id_size];
    char name[limit_name_size];
    char token[limit_digest_size];
    enum rights rights;
    uint64_t expires_ms;
};
extern const struct table access_created_table;
