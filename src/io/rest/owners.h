/* Whose each access token is, by its digest: so that a tenant holds no more of the face by many
 * tokens than by one. Learned from what is loaded and stored. */
#pragma once

#include "base/map.h"
#include "message/records/access.h"

struct rest_owners {
    struct map by_hash, by_id;
};

void rest_owners_init(struct rest_owners *owners);
void rest_owners_deinit(struct rest_owners *owners);

void rest_owners_learn(struct rest_owners *owners, const struct access_token *token);

/* Has a token this digest? */
bool rest_owners_know(const struct rest_owners *owners, const char *hash);

/* The token is gone. False: it was not known. */
bool rest_owners_forget(struct rest_owners *owners, const char *id,
                        char out_hash[limit_digest_size]);

/* By what its holder is counted: its tenant's name; the digest itself for operators, and for a
 * token that nobody has. */
const char *rest_owners_key(const struct rest_owners *owners, const char *hash);
