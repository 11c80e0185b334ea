/* Tenants: who they are, what they may have and use, and the keys that they keep. */
#pragma once

#include "message/model.h"

/* Where a tenant's new VMs may be, which shapes they may have and which images they may be made
 * from, as the operator lets it: names, one blank between them; NULL or "": all. What is named may
 * be gone, and come back. */
struct tenant_permissions {
    char *clusters, *shapes, *images;
};
extern const struct table tenant_permissions_table;

/* An SSH public key that a tenant keeps, for VMs to be made with. */
struct ssh_key {
    char name[limit_name_size]; /* among its tenant's */
    char *public_key; /* one line, as in authorized_keys */
    uint64_t created_ms;
};
extern const struct table ssh_key_table;

struct tenant {
    char name[limit_name_size]; /* the key */
    char token_hash[limit_digest_size]; /* of its first token; once that is revoked, of nothing */
    struct amounts quota;      /* 0: none */
    struct tenant_permissions permissions;
    uint64_t created_ms;
    struct ssh_key *ssh_keys; /* in the order of their making */
    uint32_t ssh_keys_count;
    uint64_t images_gib; /* that images of its own may take; 0: it may have none */
    char salt[limit_digest_size]; /* of its groups' names; "": token_hash, which is known still */
};
extern const struct table tenant_table;

/* A tenant as the API shows it. */
struct account {
    char name[limit_name_size];
    struct amounts quota, used;
    struct tenant_permissions permissions;
    uint64_t created_ms;
    uint64_t images_gib, images_bytes; /* that its own images may take, and do */
};
extern const struct table account_table;
